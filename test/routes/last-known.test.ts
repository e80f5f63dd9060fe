import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { asAdmin, type Service, startService } from '../harness/service.js';
import { createFaultProxy, type FaultProxy } from '../truth/fault-proxy.js';
import { withPort } from '../truth/ports.js';

describe('a service that would rather show the last known price than none', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let proxy: FaultProxy;
  let service: Service;
  let http: ReturnType<typeof supertest>;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await createFaultProxy(Number(new URL(database.url).port));
    service = await startService(withPort(database.url, proxy.port), { isLastKnownServed: true, leaseMs: 500 });
    http = supertest(service.url);
    const product = { slug: 'kept', title: 'Kept', status: 'active', variants: [{ price: { currency: 'USD', amount: 1000 } }] };
    await http.post('/v1/admin/products').set(asAdmin).send(product).expect(201);
  });
  afterAll(async () => {
    proxy.set('pass');
    await service.close();
    await proxy.close();
    await database.drop();
  });

  it('marks it, gives no validator with it and confirms none, and is strict again once Postgres answers', async () => {
    const known = await http.get('/v1/products/kept').expect(200);
    const listed = await http.get('/v1/products').expect(200);
    expect([known.headers['etag'], listed.headers['etag']]).toEqual([expect.any(String), expect.any(String)]);
    proxy.set('cut');
    const conditional = () => http.get('/v1/products/kept').set('if-none-match', known.headers['etag'] as string);
    await expect.poll(async () => (await conditional()).headers['cache-status'], { timeout: 10_000 }).toContain('detail=unverified');
    const kept = await conditional().expect(200);
    expect(kept.body).toEqual(known.body);
    expect(kept.headers).not.toHaveProperty('etag');
    const page = await http.get('/v1/products').set('if-none-match', listed.headers['etag'] as string);
    expect(page.status === 503 || (page.status === 200 && page.headers['etag'] === undefined), `${page.status} ${page.headers['etag']}`).toBe(true);
    await http.get('/v1/products/unknown').expect(503);

    proxy.set('pass');
    await expect.poll(async () => (await conditional()).status, { timeout: 10_000 }).toBe(304);
  });
});
