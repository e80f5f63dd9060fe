import { createKeyv, createKeyvNonBlocking } from '@keyv/redis';
import { RedisMessageProvider } from '@qified/redis';
import { Cacheable } from 'cacheable';

/**
 * Memory in front of Redis, with CacheableSync between instances. `variant` nonBlocking is the set-up its documentation recommends for Redis, so
 * that a Redis that is away holds nobody up.
 */
export function openCache({ redisUrl, ttlMs, load, variant }) {
  const nonBlocking = variant === 'nonBlocking';
  const namespace = `cacheable-${variant}`;
  const secondary = nonBlocking ? createKeyvNonBlocking(redisUrl, { namespace }) : createKeyv(redisUrl, { namespace });
  secondary.on('error', () => {});
  const provider = new RedisMessageProvider({ uri: redisUrl });
  // It listens to the errors of neither of its clients, and one that nobody listens to ends the process as soon as Redis goes away.
  for (const client of [provider.pub, provider.sub]) client.on('error', () => {});
  const cache = new Cacheable({ secondary, nonBlocking, ttl: ttlMs, namespace, sync: { qified: provider } });
  cache.on('error', () => {});
  return {
    read: (sku) => cache.getOrSet(sku, () => load(sku), { ttl: ttlMs }),
    written: (sku) => cache.delete(sku),
  };
}
