import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { maxPipelined } from '../../src/plugins/connection-limits.js';
import { serve } from '../../src/server.js';
import { freePort } from '../harness/free-port.js';
import { asAdmin, startService } from '../harness/service.js';
import { holdRequest } from '../held-request.js';
import { openShop } from '../routes/open-shop.js';
import { scrape } from './scrape.js';
import { openWatchedShop } from './watched-shop.js';

const route = '/v1/products/:slug';

describe('the metrics of a service', () => {
  const shop = openWatchedShop();

  it('have a series for what an alert watches before it has happened: what begins with its first event has not risen by it', async () => {
    const { value } = await shop.scrape();
    for (const code of ['unauthorized', 'too_many_wrong_keys']) expect(value('truetag_problems_total', { code }), code).toBe(0);
  });

  it('count every request under its route pattern, product hits before the router included', async () => {
    await shop.create('counted');
    const before = await shop.scrape();
    for (let i = 0; i < 3; i += 1) await shop.http.get('/v1/products/counted').expect(200);
    const { headers } = await shop.http.get('/v1/products/counted').expect(200);
    await shop.http.get('/v1/products/counted').set('if-none-match', String(headers.etag)).expect(304);
    await shop.http.get('/v1/products/not-there').expect(404);
    const after = await shop.scrape();
    const rose = (labels: Record<string, string>) =>
      (after.value('truetag_http_requests_total', { method: 'GET', route, ...labels }) ?? 0) -
      (before.value('truetag_http_requests_total', { method: 'GET', route, ...labels }) ?? 0);
    expect({ ok: rose({ status: '2xx' }), unchanged: rose({ status: '3xx' }), missing: rose({ status: '4xx' }) }).toEqual({
      ok: 4,
      unchanged: 1,
      missing: 1,
    });
    expect(after.value('truetag_problems_total', { code: 'not_found' })).toBeGreaterThan(0);
  });

  it('count what was refused for wrong keys, with the route that was asked', async () => {
    const route = '/v1/admin/cache';
    const read = async () => {
      const { value } = await shop.scrape();
      return [
        value('truetag_http_requests_total', { method: 'GET', route, status: '4xx' }) ?? 0,
        value('truetag_problems_total', { code: 'unauthorized' }) ?? 0,
        value('truetag_problems_total', { code: 'too_many_wrong_keys' }) ?? 0,
      ];
    };
    const before = await read();
    for (let i = 0; i < 13; i += 1) await shop.http.get(route).set({ authorization: `Bearer guess-${i}` });
    const after = await read();
    expect(after.map((value, i) => value - (before[i] ?? 0))).toEqual([13, 10, 3]);
  });

  it('count a connection that asks for more at once than it may, once', async () => {
    const read = async () => (await shop.scrape()).value('truetag_connections_closed_total', { reason: 'pipelining' }) ?? 0;
    const before = await read();
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(shop.service.url).port), '127.0.0.1');
      socket.on('error', () => {}).on('close', () => resolve());
      socket.resume().write('GET /v1/inventory/0198c000-0000-7000-8000-000000000000 HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(maxPipelined + 10));
    });
    expect((await read()) - before).toBe(1);
  });

  it('have as many series after a thousand URLs as after ten', async () => {
    const ask = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        await shop.http.get(`/v1/products/nothing-${i}`);
        await shop.http.get(`/no/such/place-${i}?x=${i}`);
      }
      // Others may come with the time: a kind of collection that there has not been yet, a statement of a renewal.
      return (await shop.scrape()).samples.filter(({ labels }) => labels['route'] !== undefined || labels['code'] !== undefined).length;
    };
    const few = await ask(10);
    expect(await ask(500)).toBe(few);
    expect((await shop.scrape()).text).not.toMatch(/nothing-\d|place-\d/);
  });

  it('time one product hit in 128', async () => {
    await shop.create('timed');
    await shop.http.get('/v1/products/timed').expect(200);
    const before = (await shop.scrape()).value('truetag_product_hit_duration_seconds_count') ?? 0;
    for (let i = 0; i < 256; i += 1) await shop.http.get('/v1/products/timed').expect(200);
    expect(((await shop.scrape()).value('truetag_product_hit_duration_seconds_count') ?? 0) - before).toBe(2);
  });

  it('tell what the cache did, row by row and outcome by outcome', async () => {
    await shop.create('told');
    const before = await shop.scrape();
    for (let i = 0; i < 5; i += 1) await shop.http.get('/v1/products/told').expect(200);
    await shop.http.get('/v1/products/nobody-has-it').expect(404);
    const after = await shop.scrape();
    const { rows } = shop.service.cache.report();
    const row = rows.find(({ name }) => name === 'productDetail');
    const rose = (outcome: string) =>
      (after.value('truetag_cache_reads_total', { row: 'productDetail', outcome }) ?? 0) -
      (before.value('truetag_cache_reads_total', { row: 'productDetail', outcome }) ?? 0);
    expect({ memory: rose('memory'), miss: rose('miss') }).toEqual({ memory: 5, miss: 1 });
    expect(after.value('truetag_cache_reads_total', { row: 'productDetail' })).toBe((row?.hits ?? 0) + (row?.misses ?? 0));
  });

  it('tell of a write: that it came through, how long it waited, what it asked of Postgres and Redis', async () => {
    const { variants } = await shop.create('written');
    // A listing waits until Redis has answered what the product that was made has sent.
    await shop.http.get('/v1/products').expect(200);
    const before = await shop.scrape();
    await shop.http.patch(`/v1/admin/variants/${variants[0]?.id}/price`).set(asAdmin).send({ currency: 'USD', amount: 2100 }).expect(200);
    const after = await shop.scrape();
    const rose = (name: string, labels: Record<string, string> = {}) => (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    expect(rose('truetag_writes_total', { result: 'committed' })).toBe(1);
    expect(rose('truetag_write_ack_wait_seconds_count')).toBe(1);
    for (const statement of ['truth_arm_price', 'commit', 'connect'])
      expect(rose('truetag_postgres_statement_duration_seconds_count', { statement }), statement).toBeGreaterThan(0);
    // Redis is not waited for.
    const puts = async () => (await shop.scrape()).value('truetag_redis_call_duration_seconds_count', { operation: 'put_document' }) ?? 0;
    const putsBefore = before.value('truetag_redis_call_duration_seconds_count', { operation: 'put_document' }) ?? 0;
    await expect.poll(puts).toBe(putsBefore + 1);
    expect(after.value('price_stale_reads_total')).toBe(0);
    expect(after.value('truetag_lease_held')).toBe(1);
    expect(after.value('truetag_redis_up')).toBe(1);
    expect(after.value('truetag_ready')).toBe(1);
  });

  it('name listings as one statement, however they are filtered', async () => {
    for (const query of ['', '?brand=x', '?tag=y&sort=price', '?q=lamp']) await shop.http.get(`/v1/products${query}`).expect(200);
    const { samples } = await shop.scrape();
    const statements = new Set(samples.flatMap(({ labels }) => labels.statement ?? []));
    expect(statements).toContain('listing');
    for (const statement of statements) expect(statement).toMatch(/^[a-z_]{3,40}$/);
  });

  it('are at /metrics alone, and for reading alone', async () => {
    expect((await fetch(shop.metricsUrl.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(shop.metricsUrl, { method: 'POST' })).status).toBe(405);
    await shop.http.get('/metrics').expect(404);
  });

  it('go on while the service drains, and say so', async () => {
    shop.service.drain();
    const { value } = await shop.scrape();
    expect([value('truetag_draining'), value('truetag_ready')]).toEqual([1, 0]);
  });
});

describe('a service that is asked for no metrics', () => {
  const shop = openShop({ redis: false });

  it('opens no port, and has nothing before the router that counts', async () => {
    expect(await shop.service.sight.listen()).toBeNull();
  });
});

describe('a service without a lease and without Redis', () => {
  const shop = openWatchedShop({ redis: false, config: { leaseMs: null } });

  it('says nothing of either, so that no alert takes it for a loss', async () => {
    const { value } = await shop.scrape();
    expect([value('truetag_lease_held'), value('truetag_redis_up')]).toEqual([undefined, undefined]);
    expect(value('truetag_ready')).toBe(1);
  });
});

describe('a service that has lost its database', () => {
  const shop = openWatchedShop({ redis: false });

  it('still answers a scrape, and says so', async () => {
    const lost = await startService(`${shop.databaseUrl}`, { metrics: { host: '127.0.0.1', port: 0 } });
    const url = (await lost.sight.listen())?.url ?? '';
    await lost.fastify.close();
    // Its pool is closed, so that nobody answers it any more.
    const { value } = await scrape(url);
    expect([value('truetag_postgres_up'), value('truetag_ready')]).toEqual([0, 0]);
    await lost.sight.close();
  });
});

describe('a metrics port that is taken', () => {
  const shop = openShop({ redis: false });

  it('stops the start with one line that says what to do, and leaves nothing listening', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const config = { ...loadConfig({ PORT: '0', LOG_LEVEL: 'silent', METRICS_PORT: String(port) }), databaseUrl: shop.databaseUrl };
    await expect(serve(config)).rejects.toThrow(new RegExp(`^The metrics port ${port} is taken\\. [^\\n]+METRICS_PORT=${port + 1}$`));
    other.close();
  });
});

describe('connections past the limit', () => {
  const shop = openWatchedShop({ redis: false, config: { maxConnections: 2 } });

  it('are counted', async () => {
    const open = () => {
      const socket = connect(Number(new URL(shop.service.url).port), '127.0.0.1').on('error', () => {});
      return { socket, closed: new Promise<void>((resolve) => socket.once('close', () => resolve())) };
    };
    const held = [open(), open()];
    for (const { socket } of held) {
      socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', resolve));
    }
    for (let i = 0; i < 3; i += 1) await open().closed;
    expect((await shop.scrape()).value('truetag_connections_closed_total', { reason: 'too_many' })).toBe(3);
    for (const { socket } of held) socket.destroy();
  });
});

describe('a server', () => {
  const shop = openShop({ redis: false });

  it('can be scraped as long as it drains, and closes the port of its metrics last', async () => {
    const port = await freePort();
    const config = loadConfig({ PORT: '0', LOG_LEVEL: 'silent', METRICS_PORT: String(port), SHUTDOWN_GRACE_MS: '20000' });
    const server = await serve({ ...config, databaseUrl: shop.databaseUrl });
    const url = `http://127.0.0.1:${port}/metrics`;
    const held = await holdRequest(server.url);
    const closing = server.close();
    await expect.poll(async () => (await fetch(`${server.url}/health/live`).catch(() => null))?.status, { timeout: 10_000 }).toBeUndefined();
    expect((await scrape(url)).value('truetag_draining')).toBe(1);
    held.drop();
    await closing;
    await expect(fetch(url)).rejects.toThrow();
  });
});
