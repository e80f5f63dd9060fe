import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Fastify from 'fastify';
import pg from 'pg';

/**
 * The shop that someone would write with a caching library or a snippet: reads go through the cache, a price write commits in Postgres, then
 * invalidates as the library's documentation says, then answers. One process per instance; CANDIDATE names the file beside.
 */
const candidates = fileURLToPath(new URL('./candidates/', import.meta.url));
const { openCache } = await import(pathToFileURL(join(candidates, `${process.env.CANDIDATE}.mjs`)).href);

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
pool.on('error', () => {});

async function load(sku) {
  const { rows } = await pool.query('SELECT sku, amount FROM shop_price WHERE sku = $1', [sku]);
  return rows[0].amount;
}

const cache = await openCache({ redisUrl: process.env.REDIS_URL, ttlMs: Number(process.env.TTL_MS), load, variant: process.env.VARIANT });

const app = Fastify({ logger: false });
app.get('/ready', async () => ({ ready: true }));
app.get('/prices/:sku', async ({ params }) => ({ amount: await cache.read(params.sku) }));
app.put('/prices/:sku', async ({ params, body }) => {
  await pool.query('UPDATE shop_price SET amount = $2 WHERE sku = $1', [params.sku, body.amount]);
  await cache.written(params.sku, body.amount);
  return { amount: body.amount };
});
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
