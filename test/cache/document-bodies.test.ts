import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/cache.js';
import { cacheKey, lockKey } from '../../src/cache/keys.js';
import { policies } from '../../src/cache/policies.js';
import { createRedisStore, type RedisStore } from '../../src/cache/redis-store.js';
import { createFakeClock } from './fake-clock.js';
import { createFakePrimary, type FakePrimary } from './fake-primary.js';
import { createHeldSource, documentAt, type HeldSource, priceOf, productId } from './held-source.js';
import { openRedis } from './shared-redis.js';
import { createTableSource, type TableSource } from './table-source.js';

const life = 60_000;
const shared = openRedis();
let redis: Redis;
let store: RedisStore;
let clock: ReturnType<typeof createFakeClock>;
let primary: FakePrimary;
let catalogId: string;
let key: string;

beforeAll(async () => {
  redis = await shared.connect();
  store = createRedisStore(redis);
});
beforeEach(() => {
  clock = createFakeClock();
  primary = createFakePrimary();
  catalogId = randomUUID();
  key = cacheKey(catalogId, 'productDetail', productId);
});
afterAll(async () => {
  store.close();
  await shared.close();
});

const openCache = (source: HeldSource | TableSource) => shared.cache({ source, clock, catalogId, redis, primary });
const read = (cache: Cache) => cache.documents.read('productDetail', 'slug:lamp');
const plant = ({ version, token, json }: ReturnType<typeof documentAt>) => store.putDocument(key, { version, token, body: json }, life);
const inRedis = async () => (await store.document(key)) as { version: number; body: string } | null;

describe('a body in Redis', () => {
  it('is used at the very version and token that Postgres names', async () => {
    const source = createTableSource(documentAt(1, 100));
    await plant(documentAt(1, 100));
    expect(await read(await openCache(source))).toMatchObject({ outcome: 'redis', held: { version: 1 } });
    expect(source.sent.documents).toBe(0);
  });

  it.each([
    ['an older version', () => plant(documentAt(1, 666))],
    ['the same version of another write', () => plant(documentAt(2, 666, { token: 'other' }))],
    ['a newer version', () => plant(documentAt(3, 666))],
    ['a value of another type', () => redis.set(key, 'not a hash')],
    ['no JSON at all', () => redis.hset(key, { v: 2, t: 'token-2', b: 'not JSON' })],
    ['JSON of another form', () => redis.hset(key, { v: 2, t: 'token-2', b: '{}' })],
    ['a body under a version it was not stored at', () => plant(documentAt(1, 666)).then(() => redis.hset(key, { v: 2, t: 'token-2' }))],
    ['half of the hash', () => redis.hset(key, { v: 2 })],
  ])('is not used where Redis holds %s', async (_, lie) => {
    await lie();
    const source = createTableSource(documentAt(2, 200));
    const answer = await read(await openCache(source));
    expect(priceOf(answer.held)).toBe(200);
    expect(answer.outcome).not.toBe('redis');
    expect(source.sent.documents).toBe(1);
  });

  it('is replaced by what Postgres holds where it was damaged', async () => {
    await redis.hset(key, { v: 2, t: 'token-2', b: 'not JSON' });
    await read(await openCache(createTableSource(documentAt(2, 200))));
    expect(await inRedis()).toMatchObject({ version: 2, body: documentAt(2, 200).json });
  });

  it('is never replaced by an older version, with the lock or without', async () => {
    const older = { version: 1, token: 'token-1', body: 'old' };
    await plant(documentAt(2, 200));
    expect(await store.putDocument(key, older, life)).toBe(false);
    expect(await store.lock(key, 'mine', life)).toBe(true);
    expect(await store.fillDocument(key, 'mine', older, life)).toBe(false);
    expect(await inRedis()).toMatchObject({ version: 2 });
  });

  it('ends after its life, less the jitter', async () => {
    await primary.write(await openCache(createTableSource()), documentAt(1, 100));
    await expect.poll(inRedis).not.toBeNull();
    const { freshMs } = policies.productDetail;
    const left = await redis.pttl(key);
    expect(left).toBeGreaterThan(0.8 * freshMs);
    expect(left).toBeLessThanOrEqual(freshMs);
  });
});

describe('concurrent reads', () => {
  it('share one load', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    const answers = await Promise.all(Array.from({ length: 100 }, () => read(cache)));
    expect(new Set(answers.map(({ held }) => priceOf(held)))).toEqual(new Set([100]));
    expect(source.sent).toEqual({ versions: 1, documents: 1 });
  });

  it('share an error of the load, which is not repeated and blocks nobody afterwards', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const reads = Array.from({ length: 10 }, () => read(cache));
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    (await source.nextDocuments()).fail(new Error('the database is away'));
    for (const answer of await Promise.allSettled(reads)) expect(answer).toMatchObject({ reason: { message: 'the database is away' } });
    const again = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    (await source.nextDocuments()).answer([documentAt(1, 100)]);
    expect(await again).toMatchObject({ outcome: 'stored', held: { version: 1 } });
    expect(source.sent).toEqual({ versions: 2, documents: 2 });
  });

  it('take a product that vanished before its body was read for absent', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const gone = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    (await source.nextDocuments()).answer([]);
    expect((await gone).held).toBeNull();
    expect(await redis.exists(lockKey(key))).toBe(0);
  });
});
