import { openRedis } from '../redis-client.mjs';

/** Cache-aside, the new value set after the write. */
export function openCache({ redisUrl, ttlMs, load }) {
  const redis = openRedis(redisUrl);
  const set = (sku, amount) => redis.set(`through:${sku}`, JSON.stringify(amount), 'PX', ttlMs);
  return {
    async read(sku) {
      const cached = await redis.get(`through:${sku}`);
      if (cached !== null) return JSON.parse(cached);
      const amount = await load(sku);
      await set(sku, amount);
      return amount;
    },
    written: set,
  };
}
