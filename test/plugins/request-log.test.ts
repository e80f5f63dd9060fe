import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxPipelined } from '../../src/plugins/connection-limits.js';
import { createDatabase } from '../harness/database.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';
import { endProcesses, type Running, runProcess } from '../run-process.js';
import { startCollector } from '../sight/collector.js';

interface Line {
  level: number;
  msg: string;
  requestId?: string;
  traceId?: string;
  [field: string]: unknown;
}

describe('the log of a server process', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let server: Running;
  let url: string;
  let product: { id: string; version: number; variants: { id: string }[] };

  const lines = (): Line[] =>
    server
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  const linesOf = (requestId: string) =>
    until(
      async () => lines().filter((line) => line.requestId === requestId),
      (found) => found.length > 0,
    );

  /** A request by its ids, the answer already read. */
  async function ask(method: string, path: string, body?: object) {
    const [requestId, traceId] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')];
    const headers = { ...asAdmin, 'x-request-id': requestId, traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(10_000) });
    return { requestId, traceId, status: answer.status, body: (await answer.json()) as typeof product };
  }
  const setPrice = (amount: number) => ask('PATCH', `/v1/admin/variants/${product.variants[0]?.id}/price`, { currency: 'USD', amount });

  beforeAll(async () => {
    [database, collector] = await Promise.all([createDatabase(), startCollector()]);
    const env = { PORT: '0', DATABASE_URL: database.url, ADMIN_API_KEY: adminKey, MIGRATE: 'false', OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
    server = runProcess('src/server.ts', [], env);
    url = await server.said(/Truetag listens on (\S+)/);
    const variants = [{ sku: 'a', quantity: 1, price: { amount: 4711, currency: 'USD' } }];
    product = (await ask('POST', '/v1/admin/products', { slug: 'logged', title: 'A title of its own', status: 'active', variants })).body;
  });
  afterAll(async () => {
    endProcesses();
    await database.drop();
    await collector.close();
  });

  it('has one line for an admin write: who asked, what changed, in which trace', async () => {
    const { requestId, traceId, body } = await setPrice(4712);
    const [line, ...others] = await linesOf(requestId);
    expect(line).toMatchObject({ level: 30, msg: 'admin write', traceId, method: 'PATCH', route: '/v1/admin/variants/:id/price', status: 200 });
    expect(line).toMatchObject({ productId: product.id, variantId: product.variants[0]?.id, slug: 'logged', version: body.version });
    expect(others).toEqual([]);
    expect(
      await until(
        async () => collector.of(traceId),
        (spans) => spans.some(({ name }) => name === 'W4 commit'),
      ),
    ).not.toEqual([]);
  });

  it('has none for a read that was quick', async () => {
    const { requestId } = await ask('GET', '/v1/products/logged');
    const later = await setPrice(4713);
    await linesOf(later.requestId);
    expect(lines().filter((line) => line.requestId === requestId)).toEqual([]);
  });

  it('has a line for a request that was slow, and one for a failure of ours, with the ids that join them', async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM product WHERE id = $1 FOR UPDATE', [product.id]);
    const { requestId, traceId, status } = await setPrice(4714);
    await other.query('ROLLBACK');
    await other.end();
    expect(status).toBe(503);
    const found = await until(
      () => linesOf(requestId),
      (seen) => seen.length > 1,
    );
    expect(found.map(({ level, msg }) => [level, msg])).toEqual(expect.arrayContaining([[40, 'slow request']]));
    expect(found.filter(({ level }) => level === 50)).toHaveLength(1);
    for (const line of found) expect(line.traceId).toBe(traceId);
    expect(found.find(({ msg }) => msg === 'slow request')).toMatchObject({ method: 'PATCH', status: 503, ms: expect.any(Number) });
  });

  it('has no secret, no price and no title in it', () => {
    expect(lines().length).toBeGreaterThan(3);
    for (const word of [adminKey, new URL(database.url).password, '4712', 'A title of its own']) expect(server.stdout()).not.toContain(word);
  });

  it('has no error for a client that asks for more at once than it may', async () => {
    const received = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1');
      socket.on('error', () => {}).on('close', () => resolve(text));
      socket.on('data', (part: string) => {
        text += part;
      });
      socket.write(`GET /v1/inventory/${product.variants[0]?.id} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(maxPipelined + 1));
    });
    expect(received).toContain('HTTP/1.1 429');
    // The log is written in order, so what there was of it stands before this.
    await linesOf((await setPrice(4712)).requestId);
    expect(lines().filter(({ msg }) => msg.includes('under way'))).toEqual([]);
  });
});
