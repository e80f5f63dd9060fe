import { createKeyv as createRedis } from '@keyv/redis';
import { createCache } from 'cache-manager';
import { createKeyv as createMemory } from 'cacheable';

/** Memory in front of Redis, the two stores of its documentation. It has nothing between instances. */
export function openCache({ redisUrl, ttlMs, load }) {
  const stores = [createMemory({ ttl: ttlMs, lruSize: 10_000 }), createRedis(redisUrl, { namespace: 'cache-manager' })];
  for (const store of stores) store.on('error', () => {});
  const cache = createCache({ stores, ttl: ttlMs });
  return {
    read: (sku) => cache.wrap(sku, () => load(sku)),
    written: (sku) => cache.del(sku),
  };
}
