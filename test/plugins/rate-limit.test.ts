import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { Problem } from '../../src/routes/problems.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { adminKey, asAdmin, startService } from '../harness/service.js';
import { openShop, type Shop } from '../routes/open-shop.js';
import { operationsOf } from '../routes/openapi-document.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

const lamp = '/v1/products/walnut-desk-lamp';
const limit = 5;

async function statuses(count: number, ask: () => PromiseLike<{ status: number }>): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i += 1) seen.push((await ask()).status);
  return seen;
}
const within = Array.from({ length: limit }, () => 200);

function expectRefusal(answer: { status: number; headers: Record<string, string>; body: unknown }, policy: string) {
  const problem = Problem.parse(answer.body);
  expect(problem).toMatchObject({ status: 429, code: 'rate_limited', title: 'Too many requests', requestId: answer.headers['x-request-id'] });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const [, left, reset] = /^"(?:\w+)";r=(\d+);t=(\d+)$/.exec(answer.headers['ratelimit'] ?? '') ?? [];
  expect(left).toBe('0');
  expect(answer.headers['ratelimit-policy']).toBe(`"${policy}";q=${limit};w=60`);
  expect(answer.headers['retry-after']).toBe(reset);
  expect(Number(reset)).toBeGreaterThan(0);
  expect(Number(reset)).toBeLessThanOrEqual(60);
}

describe('the limit of an admin key', () => {
  const shop = openShop({ redis: false, config: { adminPerMinute: limit } });
  const ask = (headers: Record<string, string> = asAdmin) => shop.http.get('/v1/admin/price-writes').set(headers);

  it('refuses keys that are none by their address, and lets the right one in all the while', async () => {
    for (let i = 0; i < limit; i += 1) {
      const refused = await ask({ authorization: `Bearer guess-${i}` });
      expect([refused.status, refused.headers['ratelimit']]).toEqual([401, expect.stringMatching(new RegExp(`^"admin";r=${limit - 1 - i};t=\\d+$`))]);
    }
    const tooMany = await ask({ authorization: 'Bearer guess-again' });
    expect(tooMany.status).toBe(429);
    expect(tooMany.headers).not.toHaveProperty('www-authenticate');
    expectRefusal(tooMany as never, 'admin');
    expect((await ask({})).status).toBe(429);
    const { status, headers } = await ask();
    expect([status, headers['ratelimit'], headers['ratelimit-policy']]).toEqual([
      200,
      expect.stringMatching(new RegExp(`^"admin";r=${limit - 1};t=\\d+$`)),
      `"admin";q=${limit};w=60`,
    ]);
  });

  it('answers 429 to what is past it, reads and writes together, and says when to come back', async () => {
    expect(await statuses(limit - 1, ask)).toEqual(within.slice(1));
    expectRefusal((await ask()) as never, 'admin');
    const write = await shop.http.patch('/v1/admin/variants/0198c000-0000-7000-8000-000000000000/price').set(asAdmin).send({});
    expectRefusal(write as never, 'admin');
    expect((await shop.http.head('/v1/admin/price-writes').set(asAdmin)).status).toBe(429);
  });

  it('leaves the storefront and the health alone', async () => {
    for (const path of ['/v1/products', '/health/ready', '/openapi.json']) {
      const answer = await shop.http.get(path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers).not.toHaveProperty('ratelimit');
    }
  });
});

describe('a wrong key that is one too many', () => {
  const shop = openShop({ redis: false, config: { adminPerMinute: limit, wrongKeysPerMinute: 2 } });

  it('counts as refused like the ones before it', async () => {
    const seen: [number, string, string][] = [];
    for (let i = 0; i <= limit; i += 1) {
      const { status, body, headers } = await shop.http.get('/v1/admin/cache').set({ authorization: `Bearer guess-${i}` });
      seen.push([status, body.code, /r=(\d+)/.exec(headers['ratelimit'] ?? '')?.[1] ?? 'none']);
    }
    expect(seen).toEqual([
      ...[401, 401].map((status, i) => [status, 'unauthorized', String(limit - 1 - i)]),
      ...[2, 1, 0].map((left) => [429, 'too_many_wrong_keys', String(left)]),
      [429, 'rate_limited', '0'],
    ]);
    expect((await shop.http.get('/v1/admin/cache').set(asAdmin)).status).toBe(200);
  });
});

describe('a service without limits', () => {
  const shop = openShop({ redis: false, demo: true, config: { adminPerMinute: 0, storefrontPerMinute: 0 } });

  it('counts nobody', async () => {
    for (const path of ['/v1/admin/cache', lamp, '/v1/products']) {
      const seen = await statuses(limit + 3, () => shop.http.get(path).set(asAdmin));
      expect(new Set(seen)).toEqual(new Set([200]));
      expect((await shop.http.get(path).set(asAdmin)).headers).not.toHaveProperty('ratelimit-policy');
    }
  });

  it('publishes 429 for every call, and what is left where calls may be counted', async () => {
    const document = (await shop.http.get('/openapi.json')).body;
    for (const { path, method, responses } of operationsOf(document)) {
      const told = Object.keys(responses['429']?.headers ?? {});
      expect({ path, method, told }).toMatchObject({ told: expect.arrayContaining(['Retry-After']) });
      expect({ path, method, isCounted: told.includes('RateLimit') }).toEqual({ path, method, isCounted: !path.startsWith('/health') });
    }
  });
});

describe('the limit of the storefront', () => {
  const shop = openShop({ redis: false, demo: true, config: { storefrontPerMinute: limit } });

  it('counts product hits with everything else that one address asks for', async () => {
    expect(await statuses(limit, () => shop.http.get(lamp))).toEqual(within);
    const tooMany = await shop.http.get(lamp);
    expectRefusal(tooMany as never, 'storefront');
    expect(tooMany.headers['cache-control']).toBe('private, no-cache');
    for (const path of ['/v1/products', '/v1/categories', '/media/demo/a.svg']) expect((await shop.http.get(path)).status).toBe(429);
    expect((await shop.http.post('/v1/quotes').send({})).status).toBe(429);
    expect((await shop.http.get('/health/ready')).status).toBe(200);
    expect((await shop.http.get('/v1/admin/cache').set(asAdmin)).status).toBe(200);
  });
});

describe('a product hit', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
  });
  afterAll(() => database.drop());

  async function hits(edits: readonly Edit[]): Promise<number[]> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false', RATE_LIMIT_STOREFRONT: '2' });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
      return await statuses(4, () => fetch(`${url}${lamp}`));
    } finally {
      await fastify.close();
    }
  }

  it('does not pass by the counter', async () => {
    expect(await hits([])).toEqual([200, 200, 429, 429]);
  });

  it('is never refused, where it is served before the router whatever is counted', async () => {
    expect(await hits([{ file: 'src/app.ts', from: 'if (config.storefrontPerMinute === 0) {', to: '{' }])).toEqual([200, 200, 200, 200]);
  });
});

describe('the address that is counted', () => {
  const openly: Shop = openShop({ redis: false, config: { storefrontPerMinute: limit } });
  const behindProxy: Shop = openShop({ redis: false, config: { storefrontPerMinute: limit, trustedProxies: ['127.0.0.0/8'] } });
  const ask = (shop: Shop, forwarded: string) => shop.http.get('/v1/categories').set('x-forwarded-for', forwarded);

  it('is that of the connection, whatever is said to have been forwarded', async () => {
    for (let i = 0; i < limit; i += 1) expect((await ask(openly, `198.51.100.${i}`)).status).toBe(200);
    expect((await ask(openly, '198.51.100.99')).status).toBe(429);
  });

  it('is the one that a trusted proxy names, and not one that was named to the proxy', async () => {
    expect(await statuses(limit + 1, () => ask(behindProxy, '198.51.100.1'))).toEqual([...within, 429]);
    expect((await ask(behindProxy, '203.0.113.9, 198.51.100.1')).status).toBe(429);
    expect((await ask(behindProxy, '198.51.100.2')).status).toBe(200);
  });

  it('is the network of an IPv6 address, which one client has whole', async () => {
    const addresses = Array.from({ length: limit + 1 }, (_, i) => `2001:db8:1:2::${i + 1}`);
    const seen: number[] = [];
    for (const address of addresses) seen.push((await ask(behindProxy, address)).status);
    expect(seen).toEqual([...within, 429]);
    expect((await ask(behindProxy, '2001:db8:1:3::1')).status).toBe(200);
  });
});

describe('two instances over one Redis', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let redis: RedisServer;
  beforeAll(async () => {
    database = await createDatabase();
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis?.stop();
    await database?.drop();
  });

  it('count together, and go on alone while Redis hangs or is gone, each request answered', async () => {
    const start = () => startService(database.url, { redisUrl: redis.url, adminPerMinute: limit });
    const [one, two] = await Promise.all([start(), start()]);
    try {
      const ask = (service: typeof one) => service.http.get('/v1/admin/price-writes').set(asAdmin);
      expect(await statuses(3, () => ask(one))).toEqual([200, 200, 200]);
      expect(await statuses(3, () => ask(two))).toEqual([200, 200, 429]);
      expect((await ask(one)).status).toBe(429);
      redis.pause();
      try {
        // Counts of its own, which begin here.
        expect(await statuses(limit + 1, () => ask(one))).toEqual([...within, 429]);
      } finally {
        redis.resume();
      }
      await redis.kill();
      expect(await statuses(limit + 1, () => ask(two))).toEqual([...within, 429]);
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });
});

describe('a price write', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  /** Counts nobody yet. */
  let redis: RedisServer;
  beforeAll(async () => {
    database = await createDatabase();
  });
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.stop());
  afterAll(() => database.drop());

  /** A price is written while Redis takes bytes and answers nothing, by a key that has used half of its limit and waits to be counted. */
  async function written(edits: readonly Edit[], slug: string): Promise<number> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false', ADMIN_API_KEY: adminKey, REDIS_URL: redis.url, RATE_LIMIT_ADMIN: '2' });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
      const send = (method: string, path: string, body: object) =>
        fetch(`${url}${path}`, { method, headers: { ...asAdmin, 'content-type': 'application/json' }, body: JSON.stringify(body) });
      const variants = [{ price: { amount: 100, currency: 'USD' } }];
      const made = (await (await send('POST', '/v1/admin/products', { title: slug, slug, variants })).json()) as { variants: { id: string }[] };
      redis.pause();
      return (await send('PATCH', `/v1/admin/variants/${made.variants[0]?.id}/price`, { currency: 'USD', amount: 200 })).status;
    } finally {
      redis.resume();
      await fastify.close();
    }
  }

  it('is made while Redis, which should count it, hangs', async () => {
    expect(await written([], 'hung')).toBe(200);
  });

  it('is made before it has been counted, where its key is far from its limit', async () => {
    const service = await startService(database.url, { redisUrl: redis.url, adminPerMinute: 10 });
    const left = async () => {
      const { status, headers } = await service.http.get('/v1/admin/price-writes').set(asAdmin);
      return [status, /r=(\d+)/.exec(headers['ratelimit'] ?? '')?.[1]];
    };
    try {
      expect(await left()).toEqual([200, '9']);
      redis.pause();
      // A count of this process alone would begin at 9.
      expect(await left()).toEqual([200, '8']);
    } finally {
      redis.resume();
      await service.close();
    }
  });

  it('fails, where a request that cannot be counted is one that cannot be made', async () => {
    const edit = {
      file: 'src/plugins/request-counter.ts',
      from: '(await counted) ?? inMemory(request)',
      to: "(await counted) ?? Promise.reject(new Error('no count'))",
    };
    expect(await written([edit], 'failed')).toBe(500);
  });
});

describe('what is kept in Redis', () => {
  const shop = openShop({ config: { adminPerMinute: 1000 } });

  it('names the caller and never the key', async () => {
    await shop.http.get('/v1/admin/cache').set(asAdmin).expect(200);
    const keys = await shop.service.fastify.redis.keys('*:limit:admin:*');
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatch(/:limit:admin:env$/);
    expect(keys[0]).not.toContain(adminKey);
    expect(await shop.service.fastify.redis.pttl(keys[0] ?? '')).toBeGreaterThan(0);
  });
});
