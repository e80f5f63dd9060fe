import { cachified, totalTtl } from '@epic-web/cachified';
import { openRedis } from '../redis-client.mjs';

/** Redis through an adapter as its documentation describes them; it has no second tier. */
export function openCache({ redisUrl, ttlMs, load }) {
  const redis = openRedis(redisUrl);
  const cache = {
    name: 'redis',
    get: async (key) => JSON.parse((await redis.get(key)) ?? 'null'),
    set: (key, entry) => redis.set(key, JSON.stringify(entry), 'PX', totalTtl(entry.metadata)),
    delete: (key) => redis.del(key),
  };
  return {
    read: (sku) => cachified({ key: `cachified:${sku}`, cache, ttl: ttlMs, getFreshValue: () => load(sku) }),
    written: (sku) => cache.delete(`cachified:${sku}`),
  };
}
