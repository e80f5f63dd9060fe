import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { type Service, startService } from '../harness/service.js';
import { until } from '../held-request.js';
import { amountOf, list, read, ready, setPrice, stock } from './shopper.js';

const products = 200;
const room = 100_000;

describe('a Redis that is full', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: RedisServer;
  let operator: Redis;
  let writing: Service;
  let stocked: Awaited<ReturnType<typeof stock>>;

  beforeAll(async () => {
    [database, server] = await Promise.all([createDatabase(), startRedis()]);
    operator = new Redis(server.url, { maxRetriesPerRequest: 1 });
    writing = await startService(database.url, { redisUrl: server.url });
    stocked = await stock(writing, 'full', products);
  });
  afterAll(async () => {
    await writing.close();
    operator.disconnect();
    await server.stop();
    await database.drop();
  });

  const info = async (section: string, name: string) =>
    Number(new RegExp(`^${name}:(?:count=)?(\\d+)`, 'm').exec(await operator.info(section))?.[1] ?? 0);

  it.each([
    ['noeviction', () => info('errorstats', 'errorstat_OOM')],
    ['allkeys-lru', () => info('stats', 'evicted_keys')],
  ])('under %s costs no answer and no price change, and every price is the one that stands', async (policy, bitten) => {
    await operator.flushall();
    await operator.config('SET', 'maxmemory-policy', policy, 'maxmemory', String((await info('memory', 'used_memory')) + room));
    const reading = await startService(database.url, { redisUrl: server.url });
    for (const product of stocked) {
      expect(amountOf(await read(reading, product.slug))).toBe(product.amount);
    }
    expect(await bitten()).toBeGreaterThan(0);
    for (const product of stocked.slice(0, 20)) {
      product.amount += 10_000;
      expect((await setPrice(writing, product.variantId, product.amount)).status).toBe(200);
      for (const service of [reading, writing]) expect(amountOf(await read(service, product.slug))).toBe(product.amount);
    }
    expect((await list(reading, 'sort=-price&limit=20')).status).toBe(200);
    expect((await ready(reading)).body).toMatchObject({ status: 'ready', redis: 'up' });

    await operator.config('SET', 'maxmemory', '0');
    const last = stocked.at(-1);
    const late = await startService(database.url, { redisUrl: server.url });
    for (const { slug } of stocked) await read(reading, slug);
    // What one instance has put there since, another takes from there.
    if (last) await setPrice(writing, last.variantId, ++last.amount);
    const shared = await until(
      () => read(late, last?.slug ?? ''),
      ({ status }) => status === 200,
    );
    expect(shared.cache).toBe('truetag; hit; detail=redis');
    await Promise.all([reading.close(), late.close()]);
  });
});
