import { createCache } from 'async-cache-dedupe';
import { openRedis } from '../redis-client.mjs';

/** Redis storage; it has no second tier. `variant` says which of its two ways to invalidate a write takes: by reference or by argument. */
export function openCache({ redisUrl, ttlMs, load, variant }) {
  const ttl = ttlMs / 1000;
  const cache = createCache({ ttl, storage: { type: 'redis', options: { client: openRedis(redisUrl), invalidation: { referencesTTL: ttl } } } });
  cache.define(`price-${variant}`, { references: (sku) => [`${variant}-${sku}`] }, load);
  return {
    read: (sku) => cache[`price-${variant}`](sku),
    written: (sku) => (variant === 'invalidateAll' ? cache.invalidateAll(`${variant}-${sku}`) : cache.clear(`price-${variant}`, sku)),
  };
}
