import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/routes/problems.js';
import { createDatabase } from '../harness/database.js';
import { startService } from '../harness/service.js';
import { openShop } from './open-shop.js';

describe('the health of a service', () => {
  const shop = openShop();

  it('is live', async () => {
    const { body, headers } = await shop.http.get('/health/live').expect(200);
    expect(body).toEqual({ status: 'live' });
    expect(headers['cache-control']).toBe('no-store');
  });

  it('is ready with the state of Postgres, Redis and the lease', async () => {
    const { body, headers } = await shop.http.get('/health/ready').expect(200);
    expect(body).toEqual({ status: 'ready', postgres: 'up', redis: 'up', lease: 'held' });
    expect(headers['cache-control']).toBe('no-store');
  });

  it('turns to 503 while it drains, and reads go on', async () => {
    await shop.create('drained');
    shop.service.drain();
    const { body, headers } = await shop.http.get('/health/ready').expect(503);
    expect(body).toMatchObject({ status: 'draining', postgres: 'up' });
    expect(headers['retry-after']).toBe('1');
    await shop.http.get('/v1/products/drained').expect(200);
  });
});

describe('a service without Redis', () => {
  const shop = openShop({ redis: false });

  it('is ready and says that there is none', async () => {
    expect((await shop.http.get('/health/ready').expect(200)).body).toMatchObject({ status: 'ready', redis: 'none' });
  });

  it('keeps products in memory', async () => {
    await shop.create('in-memory');
    expect((await shop.http.get('/v1/products/in-memory').expect(200)).headers['cache-status']).toBe('truetag; hit; detail=memory');
  });
});

describe('a service whose Redis cannot be reached', () => {
  const shop = openShop({ redis: false, config: { redisUrl: 'redis://127.0.0.1:1' } });

  it('comes up, is ready, and reads and writes', async () => {
    expect((await shop.http.get('/health/ready').expect(200)).body).toMatchObject({ status: 'ready', redis: 'down' });
    await shop.create('without-redis');
    await shop.http.get('/v1/products/without-redis').expect(200);
    expect((await shop.http.get('/v1/products').expect(200)).body.data).toMatchObject([{ slug: 'without-redis' }]);
    expect((await shop.http.get('/v1/categories').expect(200)).headers['cache-status']).toBe('truetag; fwd=miss; detail=redis-down');
  });
});

describe('a service that has lost its database', () => {
  it('is not ready, and answers 503 with the time to try again', async () => {
    const database = await createDatabase();
    const service = await startService(database.url);
    await database.drop();
    await expect.poll(async () => (await service.http.get('/health/ready')).status, { timeout: 10_000 }).toBe(503);
    const ready = await service.http.get('/health/ready').expect(503);
    expect(ready.body).toMatchObject({ status: 'unavailable', postgres: 'down' });
    const paths = ['/v1/products', '/v1/products/any', '/v1/categories', '/v1/inventory/0198c000-0000-7000-8000-000000000000'];
    for (const path of paths) {
      const { body, headers } = await service.http.get(path).expect(503);
      expect(Problem.parse(body)).toMatchObject({ status: 503, code: 'database_unavailable' });
      expect(headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/problem+json' });
      expect(JSON.stringify(body)).not.toMatch(/truetag_test|127\.0\.0\.1|does not exist/);
    }
    await service.http.get('/health/live').expect(200);
    await service.close();
  });
});

describe('a demo image', () => {
  const shop = openShop({ redis: false });

  it('is an SVG that loads nothing and may be kept', async () => {
    const { body, headers } = await shop.http.get('/media/demo/walnut-desk-lamp.svg').expect(200);
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'public, max-age=86400',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(body.toString()).toContain('Walnut Desk Lamp');
  });

  it('is refused under a name that no file of the demo has', async () => {
    for (const name of ['a.png', 'A.svg', '..%2F..%2Fetc%2Fpasswd', '%3Cscript%3E.svg']) await shop.http.get(`/media/demo/${name}`).expect(400);
  });
});
