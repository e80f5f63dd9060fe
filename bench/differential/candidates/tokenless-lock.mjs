import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis } from '../redis-client.mjs';

const lockMs = 10_000;
const pollMs = 50;

/** Stampede lock without a token: SET NX, load, SET, DEL. Whoever does not get the lock waits for the value. */
export function openCache({ redisUrl, ttlMs, load }) {
  const redis = openRedis(redisUrl);
  async function read(sku) {
    const cached = await redis.get(`locked:${sku}`);
    if (cached !== null) return JSON.parse(cached);
    const isMine = await redis.set(`lock:${sku}`, '1', 'PX', lockMs, 'NX');
    if (!isMine) {
      await sleep(pollMs);
      return read(sku);
    }
    try {
      const amount = await load(sku);
      await redis.set(`locked:${sku}`, JSON.stringify(amount), 'PX', ttlMs);
      return amount;
    } finally {
      await redis.del(`lock:${sku}`);
    }
  }
  return { read, written: (sku) => redis.del(`locked:${sku}`) };
}
