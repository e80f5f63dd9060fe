import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { ExportResultCode, TraceState } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSampling } from '../../src/sight/sampling.js';
import { createSpanExporter } from '../../src/sight/span-exporter.js';
import { createTracing } from '../../src/sight/tracing.js';
import { redisUrl } from '../harness/redis.js';
import { asAdmin, type Service, startService } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { type SentSpan, startCollector } from './collector.js';

const callerTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';
const traceparent = (traceId: string, flag: '00' | '01') => `00-${traceId}-${callerSpan}-${flag}`;
const freshTrace = () => randomBytes(16).toString('hex');

const collector = await startCollector();
afterAll(() => collector.close());

describe('a service with a collector', () => {
  const shop = openShop({ config: { traces: { endpoint: collector.endpoint, headers: {}, service: 'shop', ratio: 0 } } });
  let other: Service;
  beforeAll(async () => {
    other = await startService(shop.databaseUrl, { redisUrl: redisUrl() });
  });
  afterAll(() => other.close());

  /** The spans of a trace, once its request's own has arrived, which ends last. */
  async function spansOf(traceId: string, root: string): Promise<SentSpan[]> {
    await expect.poll(() => collector.of(traceId).some(({ name }) => name === root), { timeout: 10_000 }).toBe(true);
    return collector.of(traceId);
  }

  it("puts a price write's whole round into its caller's trace", async () => {
    const { variants } = await shop.create('traced');
    await shop.http
      .patch(`/v1/admin/variants/${variants[0]?.id}/price`)
      .set({ ...asAdmin, traceparent: traceparent(callerTrace, '01') })
      .send({ currency: 'USD', amount: 2100 })
      .expect(200);
    const root = 'PATCH /v1/admin/variants/:id/price';
    const spans = await spansOf(callerTrace, root);
    const one = (name: string) => {
      const found = spans.filter((span) => span.name === name);
      expect(found, name).toHaveLength(1);
      return found[0] as SentSpan;
    };
    const parent = (span: SentSpan) => spans.find(({ spanId }) => spanId === span.parentSpanId)?.name;

    expect(one(root)).toMatchObject({ parentSpanId: callerSpan, kind: 2, service: 'shop', isError: false });
    expect(one(root).attributes).toMatchObject({ 'http.route': '/v1/admin/variants/:id/price', 'http.response.status_code': 200 });
    expect(parent(one('write'))).toBe(root);
    const first = 'plan, W1 arm, W2 registry';
    for (const step of [first, 'W3 wait', 'W4 commit', 'W5 Redis']) expect(parent(one(step)), step).toBe('write');
    const order = spans.filter(({ name }) => /^(plan|W[1245])/.test(name)).sort((a, b) => a.startMs - b.startMs);
    expect(order.map(({ name }) => name)).toEqual([first, 'W4 commit', 'W5 Redis']);
    // In whole milliseconds, as the trace of a write has them.
    expect(one('W3 wait').startMs).toBeGreaterThanOrEqual(Math.floor(one(first).startMs));
    expect(one('W3 wait').endMs).toBeLessThanOrEqual(Math.ceil(one('W4 commit').endMs));
    expect(one('W3 wait').events).toMatchObject([{ name: 'ack', attributes: { 'truetag.instance': other.cache.report().lease.instance } }]);

    const below = (name: string) => spans.filter((span) => parent(span) === name).map((span) => span.name);
    expect(below(first)).toContain('postgres truth_arm_price');
    expect(below('W4 commit')).toContain('postgres commit');
    expect(below('W5 Redis')).toContain('redis put_document');
  });

  it('traces a read through the cache to Postgres and Redis', async () => {
    const traceId = freshTrace();
    await shop.http.get('/v1/categories').set('traceparent', traceparent(traceId, '01')).expect(200);
    const names = (await spansOf(traceId, 'GET /v1/categories')).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['redis text', 'redis lock', 'postgres categories_all', 'redis fill_text']));
  });

  it('has a span for a product hit that was answered before the router', async () => {
    await shop.create('hit');
    await shop.http.get('/v1/products/hit').expect(200);
    const traceId = freshTrace();
    const { headers } = await shop.http.get('/v1/products/hit').set('traceparent', traceparent(traceId, '01')).expect(200);
    expect(headers['cache-status']).toBe('truetag; hit; detail=memory');
    expect(await spansOf(traceId, 'GET /v1/products/:slug')).toMatchObject([
      { parentSpanId: callerSpan, attributes: { 'http.response.status_code': 200 } },
    ]);
  });

  it('records nothing of a request whose caller does not trace it, nor of a read that nobody speaks for', async () => {
    await shop.create('quiet');
    const [quiet, loud] = [freshTrace(), freshTrace()];
    await shop.http.get('/v1/products?q=quiet').set('traceparent', traceparent(quiet, '00')).expect(200);
    await shop.http.get('/v1/products/quiet').expect(200);
    await shop.http.get('/v1/products').set('traceparent', traceparent(loud, '01')).expect(200);
    await spansOf(loud, 'GET /v1/products');
    expect(collector.of(quiet)).toEqual([]);
    const unasked = collector.spans.filter(({ name, parentSpanId }) => name.startsWith('GET /v1/products') && parentSpanId === '');
    expect(unasked).toEqual([]);
  });

  it('marks a write that fails, with the kind of error and none of its words', async () => {
    const traceId = freshTrace();
    const url = '/v1/admin/variants/0198c000-0000-7000-8000-000000000000/price';
    await shop.http
      .patch(url)
      .set({ ...asAdmin, traceparent: traceparent(traceId, '01') })
      .send({ currency: 'USD', amount: 1 })
      .expect(404);
    const spans = await spansOf(traceId, 'PATCH /v1/admin/variants/:id/price');
    expect(spans.find(({ name }) => name === 'write')).toMatchObject({ isError: true, attributes: { 'error.type': 'not_found' } });
    expect(JSON.stringify(spans)).not.toContain('0198c000-0000-7000-8000-000000000000');
  });

  it('takes a traceparent that is none for no word at all', async () => {
    for (const value of ['', 'x', '00-0-0-01', `00-${'0'.repeat(32)}-${callerSpan}-01`, `ff-${callerTrace}-${callerSpan}-01`, 'a'.repeat(5000)])
      await shop.http.get('/v1/products').set('traceparent', value).expect(200);
    await shop.create('misnamed');
    await shop.http.get('/v1/products/misnamed').expect(200);
    for (let i = 0; i < 3; i += 1)
      await shop.http
        .get('/v1/products/misnamed')
        .set('traceparent', 'x')
        .expect('cache-status', /detail=memory/);
    const loud = freshTrace();
    await shop.http.get('/v1/products/misnamed').set('traceparent', traceparent(loud, '01')).expect(200);
    await spansOf(loud, 'GET /v1/products/:slug');
    expect(collector.spans.filter(({ name, parentSpanId }) => name === 'GET /v1/products/:slug' && parentSpanId === '')).toEqual([]);
  });

  it('keeps secrets out of what it sends', () => {
    expect(collector.spans.length).toBeGreaterThan(10);
    expect(JSON.stringify(collector.spans)).not.toContain(asAdmin.authorization.slice('Bearer '.length));
    expect(JSON.stringify(collector.spans)).not.toMatch(/postgres:\/\/|SELECT /);
  });
});

describe('a service that traces whatever it can', () => {
  const shop = openShop({ config: { traces: { endpoint: collector.endpoint, headers: {}, service: 'all', ratio: 1 } } });

  it('traces product hits that nobody speaks for, each once, and not those whose callers do not trace them', async () => {
    await shop.create('drawn');
    const before = collector.spans.length;
    const quiet = freshTrace();
    await shop.http.get('/v1/products/drawn').set('traceparent', traceparent(quiet, '00')).expect(200);
    const detail = async () => (await shop.http.get('/v1/products/drawn').expect(200)).headers['cache-status'];
    expect([await detail(), await detail(), await detail()]).toEqual(Array(3).fill('truetag; hit; detail=memory'));
    const hits = () => collector.spans.slice(before).filter(({ name, service }) => service === 'all' && name === 'GET /v1/products/:slug');
    await expect.poll(() => hits().length, { timeout: 10_000 }).toBe(3);
    expect(hits().map(({ parentSpanId }) => parentSpanId)).toEqual(['', '', '']);
    expect(collector.of(quiet)).toEqual([]);
  });
});

describe('a service whose collector is away', () => {
  const shop = openShop({ redis: false, config: { traces: { endpoint: 'http://127.0.0.1:1', headers: {}, service: 'shop', ratio: 1 } } });

  it('answers as ever', async () => {
    await shop.create('alone');
    await shop.http.get('/v1/products/alone').expect(200);
    await shop.http.get('/v1/products').expect(200);
  });
});

describe('a collector that wants a key', () => {
  it('gets it with every batch', async () => {
    const headers = { authorization: 'Bearer of-the-collector', 'x-team': 'shop' };
    const collecting = await startCollector();
    const faults: Error[] = [];
    const onFault = (error: Error) => void faults.push(error);
    const tracing = createTracing({ endpoint: collecting.endpoint, headers, service: 'shop', version: '0', instance: '0', onFault });
    tracing.start('GET /', null, {}).end();
    await tracing.close();
    expect(collecting.spans).toHaveLength(1);
    expect(collecting.headers()).toMatchObject(headers);
    expect(faults).toEqual([]);
    await collecting.close();
  });
});

describe('the thread that sends spans', () => {
  const made = new InMemorySpanExporter();
  beforeAll(() => {
    const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: made })] }).getTracer('test');
    const caller = { traceId: callerTrace, spanId: callerSpan, traceFlags: 1, isRemote: true, traceState: new TraceState('vendor=1') };
    tracer.startSpan('one', {}, trace.setSpanContext(ROOT_CONTEXT, caller)).end();
  });
  const send = (exporter: SpanExporter) => new Promise<unknown>((resolve) => exporter.export(made.getFinishedSpans(), resolve));

  /** What takes traces, and answers when it is told to. */
  async function startSlow() {
    const bodies: string[] = [];
    const held: (() => void)[] = [];
    const server = createServer((request, response) => {
      request.on('data', (chunk) => bodies.push(String(chunk))).on('end', () => held.push(() => response.end('{}')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const exporter = createSpanExporter({
      exporter: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, headers: {}, timeoutMillis: 5000 },
      resource: {},
      onFault: (error) => expect.unreachable(error.message),
    });
    return {
      ...{ exporter, bodies },
      async answer() {
        await expect.poll(() => held.length, { timeout: 5000 }).toBe(1);
        held.pop()?.();
      },
      close: () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it("passes on what its caller's systems have put beside the trace", async () => {
    const { exporter, bodies, answer, close } = await startSlow();
    const sent = send(exporter);
    await answer();
    expect(await sent).toEqual({ code: ExportResultCode.SUCCESS });
    await exporter.shutdown();
    await close();
    expect(bodies.join('')).toContain('"traceState":"vendor=1"');
  });

  it('is not ended before the collector has answered what it was sent', async () => {
    const { exporter, answer, close } = await startSlow();
    const seen: unknown[] = [];
    const sent = send(exporter).then((result) => seen.push(result));
    const ended = exporter.shutdown().then(() => seen.push('ended'));
    await answer();
    await Promise.all([sent, ended]);
    await close();
    expect(seen).toEqual([{ code: ExportResultCode.SUCCESS }, 'ended']);
  });

  /** What comes of batches one after the other, and what is said of them. */
  async function failing(batches: number, url: string, restartMs?: number) {
    const faults: Error[] = [];
    const exporter = createSpanExporter({
      exporter: { url, headers: {}, timeoutMillis: 1000 },
      resource: {},
      onFault: (error) => void faults.push(error),
      ...(restartMs === undefined ? {} : { restartMs }),
    });
    const wereAtOnce: boolean[] = [];
    for (let i = 0; i < batches; i += 1) {
      let isDone = false;
      const sent = send(exporter).finally(() => {
        isDone = true;
      });
      await Promise.resolve().then(() => {});
      wereAtOnce.push(isDone);
      expect(await sent).toMatchObject({ code: ExportResultCode.FAILED });
    }
    await exporter.shutdown();
    return { faults, wereAtOnce };
  }

  it.each([
    ['is started again where it ends', 0, false],
    ['is not started again at once where it ends', undefined, true],
  ])('%s, and says of each batch that went with it why', async (_, restartMs, isKnown) => {
    const { faults, wereAtOnce } = await failing(2, 'no address', restartMs);
    expect(wereAtOnce).toEqual([false, isKnown]);
    expect(faults).toHaveLength(2);
    for (const { message } of faults) expect(message).toContain('no address');
  });

  it('says which address did not answer, and how', async () => {
    const gone = await startCollector();
    await gone.close();
    const { port } = new URL(gone.endpoint);
    const [fault] = (await failing(1, `http://127.0.0.1:${port}/v1/traces`)).faults;
    expect(fault).toMatchObject({
      message: expect.stringContaining(`127.0.0.1:${port}`),
      code: 'ECONNREFUSED',
      stack: expect.not.stringContaining(' at '),
    });
  });
});

describe('sampling', () => {
  it('takes the part of requests that was asked for', () => {
    let turn = 0;
    const { isSampled } = createSampling({ ratio: 0.25, askedPerSecond: 10, drawnPerSecond: 100, random: () => (turn++ % 100) / 100 });
    const sampled = Array.from({ length: 100 }, () => isSampled(undefined, false)).filter(Boolean);
    expect(sampled).toHaveLength(25);
  });

  it('draws no more than it can afford, however many requests there are', () => {
    let now = 0;
    const { isSampled } = createSampling({ ratio: 0.5, askedPerSecond: 10, drawnPerSecond: 20, now: () => now, random: () => 0.4 });
    const drawn = () => Array.from({ length: 1000 }, () => isSampled(undefined, false)).filter(Boolean).length;
    expect([drawn(), drawn()]).toEqual([20, 0]);
    now = 1000;
    expect(drawn()).toBe(20);
  });

  it.each([
    [0, 0.5, Number.POSITIVE_INFINITY],
    [1, 0.5, 0],
    [0.25, 0.5, 2],
    [0.25, 0.2, 0],
    [0.001, 0.5, 692],
    [1e-20, 0.5, Math.floor(Math.log(2) * 1e20)],
  ])('of a part of %d, passes over as many as the lot %d says', (ratio, lot, passes) => {
    expect(createSampling({ ratio, askedPerSecond: 10, drawnPerSecond: 10, random: () => lot }).passes()).toBe(passes);
  });

  it('passes over as many as leave the part that was asked for', () => {
    let turn = 0;
    const { passes } = createSampling({ ratio: 0.01, askedPerSecond: 10, drawnPerSecond: 10, random: () => (turn++ % 1000) / 1000 });
    const requests = Array.from({ length: 1000 }, () => passes() + 1).reduce((sum, one) => sum + one, 0);
    expect(1000 / requests).toBeCloseTo(0.01, 3);
  });

  it("takes its callers' word, and no more of them in a second than it can afford", () => {
    let now = 0;
    const { isSampled } = createSampling({ ratio: 0, askedPerSecond: 10, drawnPerSecond: 10, now: () => now });
    const asked = () => Array.from({ length: 50 }, () => isSampled(true, false)).filter(Boolean).length;
    expect([asked(), asked()]).toEqual([10, 0]);
    now = 1000;
    expect(asked()).toBe(10);
    expect(isSampled(false, false)).toBe(false);
  });

  it('takes what stands under /v1/admin within a bound of its own, also where the caller does not trace it', () => {
    const { isSampled } = createSampling({ ratio: 0, askedPerSecond: 2, drawnPerSecond: 10, now: () => 0 });
    for (let i = 0; i < 5; i += 1) isSampled(true, false);
    expect([isSampled(undefined, true), isSampled(false, true), isSampled(undefined, true)]).toEqual([true, true, false]);
  });

  it('has what is not sampled carried about no more often than it can afford', () => {
    let now = 0;
    const { mayCarry } = createSampling({ ratio: 0, askedPerSecond: 2, drawnPerSecond: 10, now: () => now });
    expect([mayCarry(), mayCarry(), mayCarry()]).toEqual([true, true, false]);
    now = 1000;
    expect(mayCarry()).toBe(true);
  });
});

describe('a process without a collector and without a metrics port', () => {
  /** The packages of ours that are in memory after a start with these settings. */
  function loaded(settings: string): string[] {
    const program = `
      import { createRequire } from 'node:module';
      const { openSight } = await import('./src/sight/sight.ts');
      await import('./src/app.ts');
      await openSight({ ${settings}, version: '0', instance: '0', read: async () => ({}), onScrapeError() {}, onExportError() {} });
      const packages = Object.keys(createRequire(import.meta.url).cache).map((path) => /node_modules\\/(@opentelemetry\\/[^/]+|prom-client)\\//.exec(path)?.[1]);
      process.stdout.write(JSON.stringify([...new Set(packages)].filter(Boolean)));
      process.exit(0);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  it('loads neither library, which one with both does', () => {
    const both = loaded(`metrics: { host: '', port: 0 }, traces: { endpoint: 'http://127.0.0.1:1', headers: {}, service: 'shop', ratio: 0 }`);
    expect(both).toEqual(expect.arrayContaining(['@opentelemetry/sdk-trace', 'prom-client']));
    expect(loaded('metrics: undefined, traces: undefined')).toEqual([]);
  }, 120_000);
});
