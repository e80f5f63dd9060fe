import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/cache.js';
import { cacheKey, lockKey } from '../../src/cache/keys.js';
import { policies } from '../../src/cache/policies.js';
import { createRedisStore, type RedisStore } from '../../src/cache/redis-store.js';
import { createFakeClock } from './fake-clock.js';
import { createHeldSource, documentAt, type HeldSource, priceOf, productId } from './held-source.js';
import { openRedis } from './shared-redis.js';
import { createTableSource, type TableSource } from './table-source.js';

const { trustMs } = policies.productDetail;
const life = 60_000;
const lookup = 'slug:lamp';
const shared = openRedis();
let redis: Redis;
let store: RedisStore;
let clock: ReturnType<typeof createFakeClock>;
let catalogId: string;
let key: string;

beforeAll(async () => {
  redis = await shared.connect();
  store = createRedisStore(redis);
});
beforeEach(() => {
  clock = createFakeClock();
  catalogId = randomUUID();
  key = cacheKey(catalogId, 'productDetail', productId);
});
afterAll(() => {
  store.close();
  shared.close();
});

const openCache = (source: HeldSource | TableSource, options: { isEveryReadValidated?: boolean } = {}) =>
  shared.cache({ source, clock, catalogId, redis, ...options });
const read = (cache: Cache, by = lookup) => cache.documents.read('productDetail', by);
const plant = ({ version, token, json }: ReturnType<typeof documentAt>) => store.putDocument(key, { version, token, body: json }, life);
const inRedis = async () => (await store.document(key)) as { version: number; body: string } | null;

describe('a read beside a write', () => {
  it('does not let a slow reader overwrite a newer price, in memory or in Redis', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const slow = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    const load = await source.nextDocuments();
    await cache.wrote('adminPrice', [documentAt(2, 200)]);
    load.answer([documentAt(1, 100)]);
    expect(priceOf((await slow).held)).toBe(100);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(await inRedis()).toMatchObject({ version: 2, body: documentAt(2, 200).json });
    expect(await redis.exists(lockKey(key))).toBe(0);
  });

  it('keeps the later of two writes that reach the cache in the wrong order', async () => {
    const cache = await openCache(createHeldSource());
    await cache.wrote('adminPrice', [documentAt(3, 300)]);
    clock.advance(5);
    await cache.wrote('adminPrice', [documentAt(2, 200, { slug: 'old-lamp' })]);
    expect(priceOf((await read(cache)).held)).toBe(300);
    expect(cache.documents.hit('productDetail', 'old-lamp')).toBeUndefined();
    expect(await inRedis()).toMatchObject({ version: 3 });
  });

  it('never goes back to an older version because its question was sent later', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const first = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    const load = await source.nextDocuments();
    clock.advance(5);
    const second = read(cache, `id:${productId}`);
    const question = await source.nextVersions();
    clock.advance(5);
    load.answer([documentAt(3, 300)]);
    expect(priceOf((await first).held)).toBe(300);
    await redis.del(key);
    await plant(documentAt(1, 100));
    question.answer([documentAt(1, 100)]);
    expect(await second).toMatchObject({ outcome: 'redis', held: { version: 1 } });
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 3 } });
  });

  it('follows the database back where a question asked afterwards says so', async () => {
    const source = createTableSource(documentAt(5, 500));
    const cache = await openCache(source);
    await read(cache);
    source.commit(documentAt(4, 400, { token: 'restored' }));
    clock.advance(trustMs);
    expect(priceOf((await read(cache)).held)).toBe(400);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 4 } });
  });

  it('answers the next read on the writing instance from memory without asking Postgres, and leaves the version in Redis', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await read(cache);
    await cache.wrote('adminPrice', [source.commit(documentAt(2, 200))]);
    const before = { ...source.sent };
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(source.sent).toEqual(before);
    expect(await inRedis()).toMatchObject({ version: 2 });
  });

  it('shows a write of another instance once the trust in memory has run out, without loading it', async () => {
    const source = createTableSource(documentAt(1, 100));
    const [here, there] = await Promise.all([openCache(source), openCache(source)]);
    await Promise.all([read(here), read(there)]);
    await there.wrote('adminPrice', [source.commit(documentAt(2, 200))]);
    const { documents } = source.sent;
    clock.advance(trustMs);
    expect(await read(here)).toMatchObject({ outcome: 'redis', held: { version: 2 } });
    expect(source.sent.documents).toBe(documents);
  });

  it('asks on every read where no moment is trusted', async () => {
    const source = createTableSource(documentAt(1, 100));
    const [here, there] = await Promise.all([openCache(source, { isEveryReadValidated: true }), openCache(source)]);
    await read(here);
    expect(await read(here)).toMatchObject({ outcome: 'validated', held: { version: 1 } });
    await there.wrote('adminPrice', [source.commit(documentAt(2, 200))]);
    expect(await read(here)).toMatchObject({ outcome: 'redis', held: { version: 2 } });
    expect(source.sent.versions).toBe(3);
  });
});

describe('an absence', () => {
  it('is remembered', async () => {
    const source = createTableSource();
    const cache = await openCache(source);
    expect(await read(cache)).toEqual({ held: null, outcome: 'miss' });
    expect(await read(cache)).toEqual({ held: null, outcome: 'absent' });
    expect(source.sent.versions).toBe(1);
  });

  it('is asked again when its short life has ended', async () => {
    const source = createTableSource();
    const cache = await openCache(source);
    await read(cache);
    source.commit(documentAt(1, 100));
    clock.advance(policies.productDetail.absentMs);
    expect(priceOf((await read(cache)).held)).toBe(100);
  });

  it.each(['adminProductMake', 'adminProductEdit'] as const)('is cleared by a write that gives the slug to a product (%s)', async (row) => {
    const source = createTableSource(documentAt(1, 100, { slug: 'chair' }));
    const cache = await openCache(source);
    await Promise.all([read(cache), read(cache, 'slug:chair')]);
    await cache.wrote(row, [source.commit(documentAt(2, 200))]);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
  });

  it('does not come back with an answer from before the product was made', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const early = read(cache);
    const question = await source.nextVersions();
    clock.advance(1);
    await cache.wrote('adminProductMake', [documentAt(1, 100)]);
    question.answer([]);
    expect((await early).held).toBeNull();
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 1 } });
  });
});
