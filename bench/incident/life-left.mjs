import { Redis } from 'ioredis';

/** How much longer Redis will hold `amount` under this key, in ms; null where it does not hold it. */
export async function lifeLeftMs(redisUrl, key, amount) {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  try {
    const [held, left] = [await redis.get(key), await redis.pttl(key)];
    return held === String(amount) ? left : null;
  } finally {
    redis.disconnect();
  }
}
