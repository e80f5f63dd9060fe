import { openRedis } from '../redis-client.mjs';

/** Cache-aside, delete after write. */
export function openCache({ redisUrl, ttlMs, load }) {
  const redis = openRedis(redisUrl);
  return {
    async read(sku) {
      const cached = await redis.get(`aside:${sku}`);
      if (cached !== null) return JSON.parse(cached);
      const amount = await load(sku);
      await redis.set(`aside:${sku}`, JSON.stringify(amount), 'PX', ttlMs);
      return amount;
    },
    written: (sku) => redis.del(`aside:${sku}`),
  };
}
