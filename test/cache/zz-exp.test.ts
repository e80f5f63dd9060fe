import { it } from 'vitest';
import { Agent, get } from 'node:http';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { startService } from '../harness/service.js';
import { countStatements } from '../harness/statements.js';
import { redisUrl } from '../harness/redis.js';
it('http', async () => {
  const database = await createDatabase();
  let t = performance.now();
  await seedInto(database.url);
  console.log('seed', performance.now() - t); 
  for (let round = 0; round < 4; round++) {
  t = performance.now();
  const [a, b] = await Promise.all([startService(database.url, { redisUrl: redisUrl() }), startService(database.url, { redisUrl: redisUrl() })]);
  console.log('start', performance.now() - t);
  const { body } = await a.http.get('/v1/products?limit=40');
  const slug = body.data[round].slug;
  const { Redis } = await import('ioredis'); const r = new Redis(redisUrl()); await r.flushdb(); r.disconnect();
  await a.close(); await b.close();
  const [c, d] = await Promise.all([startService(database.url, { redisUrl: redisUrl() }), startService(database.url, { redisUrl: redisUrl() })]);
  const counts = countStatements();
  const agent = new Agent({ maxSockets: 1000 });
  t = performance.now();
  let worst = 0; let last = t; const iv = setInterval(() => { const n = performance.now(); worst = Math.max(worst, n - last); last = n; }, 5);
  const statuses = new Map<string, number>();
  await Promise.all(Array.from({ length: 1000 }, (_, i) => new Promise<void>((resolve, reject) => {
    get(`${(i % 2 ? c : d).url}/v1/products/${slug}`, { agent }, (res) => { res.resume(); const k = `${res.statusCode} ${res.headers['cache-status']}`; statuses.set(k, (statuses.get(k) ?? 0) + 1); res.on('end', resolve); }).on('error', reject);
  })));
  clearInterval(iv);
  console.log('1000 http', Math.round(performance.now() - t), 'worst stall', Math.round(worst), 'loads', counts.of('product_documents'), 'versions', counts.of('product_versions'), statuses);
  counts.stop(); agent.destroy();
  await c.close(); await d.close();
  }
  await database.drop();
});
it('stall', async () => {
  const { connectRedis } = await import('../../src/plugins/redis.js');
  const { createRedisStore } = await import('../../src/cache/redis-store.js');
  const { client } = await connectRedis(redisUrl(), () => {});
  const store = createRedisStore(client);
  await store.document('x');
  const p = store.document('x');
  await new Promise<void>((r) => setImmediate(() => { const t = performance.now(); while (performance.now() - t < 300); r(); }));
  console.log('after stall', await p, store.isUp());
  store.close(); client.disconnect();
});
