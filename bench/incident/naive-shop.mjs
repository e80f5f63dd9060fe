import Fastify from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';

/**
 * The shop of the incident: cache-aside, 45 minutes, delete after write. Where the delete fails it writes a line to the log and goes on, because
 * a cache that is away must not take the shop along.
 */
const ttlSeconds = 45 * 60;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1, enableAutoPipelining: true });
redis.on('error', () => {});
const app = Fastify({ logger: false });

app.get('/ready', async () => ({ ready: redis.status === 'ready' }));

app.get('/prices/:sku', async ({ params: { sku } }) => {
  const cached = await redis.get(`price:${sku}`).catch(() => null);
  if (cached !== null) return { amount: Number(cached) };
  const { rows } = await pool.query('SELECT amount FROM naive_price WHERE sku = $1', [sku]);
  await redis.set(`price:${sku}`, String(rows[0].amount), 'EX', ttlSeconds).catch(() => {});
  return { amount: rows[0].amount };
});

app.put('/prices/:sku', async ({ params: { sku }, body: { amount } }) => {
  await pool.query('UPDATE naive_price SET amount = $2 WHERE sku = $1', [sku, amount]);
  await redis.del(`price:${sku}`).catch((error) => process.stderr.write(`could not invalidate price:${sku}: ${error.message}\n`));
  return { amount };
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
