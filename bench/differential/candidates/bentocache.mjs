import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { redisOptions } from '../redis-client.mjs';

/** The multi-tier set-up of its documentation: memory, Redis, and a Redis bus between the instances. No grace period. */
export function openCache({ redisUrl, ttlMs, load }) {
  const { hostname: host, port } = new URL(redisUrl);
  const connection = { host, port: Number(port), ...redisOptions };
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxItems: 10_000 }))
    .useL2Layer(redisDriver({ connection }))
    .useBus(redisBusDriver({ connection }));
  const cache = new BentoCache({ default: 'shop', prefix: 'bentocache', stores: { shop: store } });
  return {
    read: (sku) => cache.getOrSet({ key: sku, ttl: ttlMs, factory: () => load(sku) }),
    written: (sku) => cache.delete({ key: sku }),
  };
}
