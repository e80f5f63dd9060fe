import { Redis } from 'ioredis';

/** What every candidate on ioredis gets: its defaults, but a command fails after one more try instead of hanging while Redis is away. */
export const redisOptions = { maxRetriesPerRequest: 1 };

export function openRedis(url) {
  const redis = new Redis(url, redisOptions);
  redis.on('error', () => {});
  return redis;
}
