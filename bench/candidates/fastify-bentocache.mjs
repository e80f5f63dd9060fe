import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { Redis } from 'ioredis';
import { serveShop } from './fastify-shop.mjs';

/**
 * BentoCache with memory in front of Redis. Its memory keeps serialised values, as it does by default: with `serialize: false` a value that it
 * has taken over from Redis cannot be read a second time (1.6.1).
 */
const connection = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true });
const store = bentostore()
  .useL1Layer(memoryDriver({ maxItems: 100_000 }))
  .useL2Layer(redisDriver({ connection }));
const cache = new BentoCache({ default: 'shop', prefix: 'bentocache', stores: { shop: store } });

await serveShop((name, load) => (key) => cache.getOrSet({ key: `${name}:${key}`, ttl: '5m', factory: () => load(key) }));
