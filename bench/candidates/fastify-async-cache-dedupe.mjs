import { createCache } from 'async-cache-dedupe';
import { Redis } from 'ioredis';
import { serveShop } from './fastify-shop.mjs';

/** async-cache-dedupe has one storage a cache, so memory in front of Redis is one cache whose loader is the other. */
const client = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true });
const far = createCache({ ttl: 300, storage: { type: 'redis', options: { client } } });
const near = createCache({ ttl: 300, storage: { type: 'memory', options: { size: 100_000 } } });

await serveShop((name, load) => {
  far.define(name, {}, load);
  near.define(name, {}, (key) => far[name](key));
  return (key) => near[name](key);
});
