import { openRedis } from '../redis-client.mjs';

/** Stale-while-revalidate with two keys: the value, and a marker with a shorter life that says it is fresh. A write deletes both. */
export function openCache({ redisUrl, ttlMs, load }) {
  const redis = openRedis(redisUrl);
  async function refresh(sku) {
    const amount = await load(sku);
    await redis.set(`swr:${sku}`, JSON.stringify(amount), 'PX', ttlMs);
    await redis.set(`swr:${sku}:fresh`, '1', 'PX', ttlMs / 2);
    return amount;
  }
  return {
    async read(sku) {
      const [cached, fresh] = await redis.mget(`swr:${sku}`, `swr:${sku}:fresh`);
      if (cached === null) return refresh(sku);
      if (fresh === null) refresh(sku).catch(() => {});
      return JSON.parse(cached);
    },
    written: (sku) => redis.del(`swr:${sku}`, `swr:${sku}:fresh`),
  };
}
