import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { monotonicClock } from '../../src/cache/clock.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { asAdmin, type Service, startService } from '../harness/service.js';
import { type Instance, lamp, openShop, type Shop } from './open-shop.js';

/** What the service promises while Redis comes and goes. */
const slowestMs = 1000;
const hitsAgainWithinMs = 5000;

interface Made {
  slug: string;
  variantId: string;
}

let server: RedisServer;
let shop: Shop;
/** A connection for what is done to Redis, apart from the services'. */
let operator: Redis;
let here: Service;
let there: Service;
let elsewhere: Instance;
let made = 0;

beforeAll(async () => {
  [server, shop] = await Promise.all([startRedis(), openShop()]);
  operator = new Redis(server.url, { maxRetriesPerRequest: null });
  operator.on('error', () => {});
  elsewhere = await shop.instance(null, monotonicClock, null);
  here = await start();
  there = await start();
});
afterAll(async () => {
  await Promise.all([here.close(), there.close()]);
  operator.disconnect();
  await shop.close();
  await server.stop();
});

const start = () => startService(shop.url, { redisUrl: server.url });

/** A product that no instance of the service has read yet. */
async function cold(): Promise<Made> {
  const { slug, variants } = await elsewhere.admin.create(lamp(`lamp-${++made}`));
  return { slug, variantId: variants[0]?.id as string };
}
async function manyCold(count: number): Promise<Made[]> {
  const many: Made[] = [];
  while (many.length < count) many.push(await cold());
  return many;
}

async function get(service: Service, path: string) {
  const startedAt = performance.now();
  const response = await fetch(`${service.url}${path}`);
  const body = (await response.json()) as { variants?: { price: { amount: number } }[]; data?: unknown[]; redis?: string };
  return { status: response.status, cache: response.headers.get('cache-status'), body, ms: performance.now() - startedAt };
}
const read = (service: Service, { slug }: Made) => get(service, `/v1/products/${slug}`);
const shownPrice = async (service: Service, product: Made) => (await read(service, product)).body.variants?.[0]?.price.amount;

async function setPrice(service: Service, { variantId }: Made, amount: number) {
  const startedAt = performance.now();
  const headers = { ...asAdmin, 'content-type': 'application/json' };
  const response = await fetch(`${service.url}/v1/admin/variants/${variantId}/price`, {
    method: 'PATCH',
    headers,
    body: JSON.stringify({ currency: 'USD', amount }),
  });
  await response.arrayBuffer();
  return { status: response.status, ms: performance.now() - startedAt };
}

/** Until one instance takes from Redis what the other has put there: a document it read, or with `amount` one it wrote. */
async function untilSharedAgain(amount?: number): Promise<Made> {
  const startedAt = performance.now();
  for (;;) {
    const product = await cold();
    if (amount === undefined) await read(here, product);
    else expect((await setPrice(here, product, amount)).status).toBe(200);
    const { status, cache, body } = await read(there, product);
    expect(status).toBe(200);
    if (amount !== undefined) expect(body.variants?.[0]?.price.amount).toBe(amount);
    if (cache === 'truetag; hit; detail=redis') return product;
    expect(performance.now() - startedAt).toBeLessThan(hitsAgainWithinMs);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a service whose Redis is not there yet', () => {
  it('starts, answers, and takes it into use when it comes', async () => {
    await server.kill();
    const late = await start();
    const product = await cold();
    expect(await read(late, product)).toMatchObject({ status: 200, cache: 'truetag; fwd=miss; detail=redis-down' });
    expect(await read(late, product)).toMatchObject({ status: 200, cache: expect.stringMatching(/^truetag; hit/) });
    expect(await get(late, '/health/ready')).toMatchObject({ status: 200, body: { redis: 'down' } });
    await server.start();
    const shared = await untilSharedAgain();
    const deadline = performance.now() + hitsAgainWithinMs;
    while ((await get(late, '/health/ready')).body.redis !== 'up') expect(performance.now()).toBeLessThan(deadline);
    expect((await read(late, shared)).cache).toBe('truetag; hit; detail=redis');
    await late.close();
  });
});

describe('a Redis that is killed under load and brought back', () => {
  it('costs no answer and no second, and hits come again', async () => {
    await untilSharedAgain();
    const hot = await manyCold(30);
    let answered = 0;
    let isOver = false;
    const bad: unknown[] = [];
    const note = (answer: { status: number; ms: number }) => {
      answered += 1;
      if (answer.status !== 200 || answer.ms >= slowestMs) bad.push(answer);
    };
    const readers = Array.from({ length: 4 }, async (_, reader) => {
      for (let i = reader; !isOver; i += 1) {
        const service = i % 2 ? here : there;
        note(i % 5 ? await read(service, hot[(i * 7) % 30] as Made) : await get(service, '/v1/products?limit=10'));
      }
    });
    const writer = (async () => {
      for (let i = 0; !isOver; i += 1) note(await setPrice(here, hot[i % 30] as Made, 2000 + i));
    })();
    const untilAnswered = async (more: number) => {
      for (const goal = answered + more; answered < goal; ) await new Promise(setImmediate);
    };
    await untilAnswered(200);
    await server.kill();
    await untilAnswered(400);
    await server.start();
    await untilSharedAgain();
    await untilAnswered(200);
    isOver = true;
    await Promise.all([...readers, writer]);
    expect(bad).toEqual([]);
  });
});

describe('a Redis that hangs', () => {
  it('keeps no answer waiting for a second, and no write', async () => {
    await untilSharedAgain();
    onTestFinished(() => server.resume());
    const product = await cold();
    const unread = await manyCold(5);
    server.pause();
    const answers = await Promise.all([...unread.map((one) => read(here, one)), get(here, '/v1/products?limit=5'), setPrice(there, product, 4242)]);
    for (const { status, ms } of answers) {
      expect(status).toBe(200);
      expect(ms).toBeLessThan(slowestMs);
    }
    expect((await get(here, '/health/ready')).body.redis).toBe('down');
    expect((await read(here, await cold())).cache).toBe('truetag; fwd=miss; detail=redis-down');
    expect(await shownPrice(there, product)).toBe(4242);
    expect(await shownPrice(here, product)).toBe(4242);
    server.resume();
    await untilSharedAgain();
  });
});

describe('a Redis that forgets', () => {
  it.each([
    ['everything (FLUSHALL)', () => operator.flushall()],
    ['its scripts (SCRIPT FLUSH)', () => operator.script('FLUSH')],
    ['everything in a restart', () => server.kill().then(() => server.start())],
  ])('%s goes on serving reads, and takes what is written', async (_, forget) => {
    const product = await cold();
    await read(here, product);
    await forget();
    expect((await read(here, product)).status).toBe(200);
    await untilSharedAgain();
    await untilSharedAgain(5555);
  });
});

describe('a Redis that takes nothing', () => {
  const bounded = (maxmemory: string, policy: string) => operator.config('SET', 'maxmemory', maxmemory, 'maxmemory-policy', policy);
  it.each([
    ['full', () => bounded('1', 'noeviction'), () => bounded('0', 'noeviction')],
    ['full and throws out what it can', () => bounded('1mb', 'allkeys-lru'), () => bounded('0', 'noeviction')],
    ['a read-only replica of nobody', () => operator.replicaof('127.0.0.1', '1'), () => operator.replicaof('NO', 'ONE')],
  ])('because it is %s holds up neither reads nor writes', async (_, spoil, mend) => {
    const product = await cold();
    await read(here, product);
    await spoil();
    expect((await read(here, await cold())).status).toBe(200);
    expect((await get(here, '/v1/products?limit=7')).status).toBe(200);
    expect((await setPrice(here, product, 6666)).status).toBe(200);
    expect(await read(here, product)).toMatchObject({
      cache: expect.stringMatching(/^truetag; hit/),
      body: { variants: [{ price: { amount: 6666 } }] },
    });
    expect(await shownPrice(there, product)).toBe(6666);
    expect((await get(here, '/health/ready')).body.redis).toBe('up');
    await mend();
    await untilSharedAgain();
  });
});
