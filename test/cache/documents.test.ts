import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/cache.js';
import { cacheKey, lockKey } from '../../src/cache/keys.js';
import { policies, tuning } from '../../src/cache/policies.js';
import { createRedisStore, type RedisStore } from '../../src/cache/redis-store.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';
import { createFakePrimary, type FakePrimary } from './fake-primary.js';
import { createHeldSource, documentAt, type HeldSource, priceOf, productId } from './held-source.js';
import { openRedis, served } from './shared-redis.js';
import { createTableSource, type TableSource } from './table-source.js';

const life = 60_000;
const leaseMs = 2000;
const lookup = 'slug:lamp';
const shared = openRedis();
let redis: Redis;
let store: RedisStore;
let clock: FakeClock;
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

type Options = { leaseMs?: number | null; isLost?: (error: unknown) => boolean };
const openCache = (source: HeldSource | TableSource, options: Options = {}) => shared.cache({ source, clock, catalogId, redis, primary, ...options });
const read = (cache: Cache, by = lookup) => cache.documents.read('productDetail', by);
const plant = ({ version, token, json }: ReturnType<typeof documentAt>) => store.putDocument(key, { version, token, body: json }, life);
const inRedis = async () => (await store.document(key)) as { version: number; body: string } | null;

function fail() {
  throw new Error('the database is away');
}

/** A block that stands until it is lifted. */
async function block(...keys: string[]) {
  const token = randomUUID();
  await primary.steps.arm(token, keys, 'another process');
  return () => primary.steps.release(token);
}

describe('a hit', () => {
  it('asks nobody while the lease is held', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await read(cache);
    await clock.pass(10 * leaseMs);
    for (const by of [lookup, `id:${productId}`]) expect(await read(cache, by)).toMatchObject({ outcome: 'memory', held: { version: 1 } });
    expect(cache.documents.hit('productDetail', 'lamp')).toMatchObject({ version: 1 });
    expect(source.sent).toEqual({ versions: 1, documents: 1 });
  });

  it('needs the lease: without a renewal memory answers for its length and no longer, counted from the moment the renewal was sent', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await read(cache);
    primary.before = fail;
    clock.advance(leaseMs - 1);
    expect(cache.documents.hit('productDetail', 'lamp')).toMatchObject({ version: 1 });
    clock.advance(1);
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect(await read(cache)).toMatchObject({ outcome: 'validated', held: { version: 1 } });
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect(source.sent).toEqual({ versions: 2, documents: 1 });
  });

  it('is no hit any more after a lapse, even when the lease is back, until Postgres has named the version', async () => {
    const cache = await openCache(createTableSource(documentAt(1, 100)));
    await read(cache);
    clock.advance(leaseMs);
    await clock.pass(leaseMs / 4);
    expect(cache.report().lease.state).toBe('held');
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect(await read(cache)).toMatchObject({ outcome: 'validated' });
    expect(cache.documents.hit('productDetail', 'lamp')).toMatchObject({ version: 1 });
  });

  it.each([lookup, `id:${productId}`, '*'])('stops with a block on %s, and comes again when that is lifted', async (blocked) => {
    const cache = await openCache(createTableSource(documentAt(1, 100)));
    await read(cache);
    const lift = await block(blocked);
    await clock.pass(0);
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect((await read(cache)).outcome).not.toBe('memory');
    expect((await read(cache)).outcome).not.toBe('memory');
    await lift();
    await clock.pass(0);
    expect((await read(cache)).outcome).not.toBe('memory');
    expect((await read(cache)).outcome).toBe('memory');
  });

  it('goes on beside a block on another product', async () => {
    const cache = await openCache(createTableSource(documentAt(1, 100)));
    await read(cache);
    await block(`id:${randomUUID()}`, 'slug:chair');
    await clock.pass(0);
    expect((await read(cache)).outcome).toBe('memory');
  });

  it('ends with the life of the document, whatever the lease', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await read(cache);
    await clock.pass(policies.productDetail.freshMs);
    expect(cache.report().lease.state).toBe('held');
    expect((await read(cache)).outcome).toBe('redis');
    expect(source.sent).toEqual({ versions: 2, documents: 1 });
  });

  it('is never given for a slug that the product has no more', async () => {
    const cache = await openCache(createTableSource(documentAt(1, 100)));
    await read(cache);
    await primary.write(cache, documentAt(2, 200, { slug: 'new-lamp' }), { keys: [`id:${productId}`, lookup, 'slug:new-lamp'] });
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect(cache.documents.hit('productDetail', 'new-lamp')).toMatchObject({ version: 2 });
  });
});

describe('a read without a lease to hit by', () => {
  it('asks every time in validate mode, and loads only what has changed', async () => {
    const source = createTableSource(documentAt(1, 100));
    const [here, there] = [await openCache(source, { leaseMs: null }), await openCache(source)];
    await read(here);
    expect(await read(here)).toMatchObject({ outcome: 'validated', held: { version: 1 } });
    await primary.write(there, documentAt(2, 200), { source });
    expect(await read(here)).toMatchObject({ outcome: 'redis', held: { version: 2 } });
    expect(source.sent).toEqual({ versions: 3, documents: 1 });
    expect(primary.instances.size).toBe(1);
  });

  it('does not take another document of the same version for the one that stands, as after a restored backup', async () => {
    const source = createTableSource(documentAt(2, 200));
    const cache = await openCache(source, { leaseMs: null });
    await read(cache);
    source.commit(documentAt(2, 222, { token: 'of another life' }));
    await redis.del(key);
    expect(priceOf((await read(cache)).held)).toBe(222);
  });

  it('does not wait for a load of another document of the same version', async () => {
    const source = createHeldSource();
    const cache = await openCache(source, { leaseMs: null });
    const [lost, stands] = [documentAt(2, 200), documentAt(2, 222, { token: 'of another life' })];
    const first = read(cache).catch(() => {});
    (await source.nextVersions()).answer([lost]);
    const old = await source.nextDocuments();
    const second = read(cache);
    (await source.nextVersions()).answer([stands]);
    const load = source.nextDocuments();
    old.answer([lost]);
    await first;
    (await load).answer([stands]);
    expect(priceOf((await second).held)).toBe(222);
  });

  it('is refused where the body is older than the version that Postgres has named: somebody else has answered', async () => {
    const source = createHeldSource();
    const cache = await openCache(source, { leaseMs: null });
    const behind = read(cache);
    (await source.nextVersions()).answer([documentAt(2, 200)]);
    (await source.nextDocuments()).answer([documentAt(1, 100)]);
    await expect(behind).rejects.toThrow('no answer in time');
  });

  it('fails where Postgres fails, whatever memory and Redis hold', async () => {
    const source = createHeldSource();
    const cache = await openCache(source, { leaseMs: null });
    const first = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    (await source.nextDocuments()).answer([documentAt(1, 100)]);
    await first;
    const second = read(cache);
    (await source.nextVersions()).fail(new Error('the database is away'));
    await expect(second).rejects.toThrow('the database is away');
  });

  it('is refused within two seconds where Postgres does not answer', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const hung = read(cache).catch(({ message }: Error) => message);
    await source.nextVersions();
    await clock.pass(tuning.versionQueryMs);
    expect(await hung).toBe('no answer in time');
    expect(served.versionQueryMs).toBeLessThan(2000);
  });

  it('is refused within two seconds where the version comes in time and the document does not', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const hung = read(cache).catch(({ message }: Error) => message);
    await clock.pass(tuning.versionQueryMs - 1);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    await source.nextDocuments();
    await clock.pass(tuning.readMs);
    expect(await hung).toBe('no answer in time');
    expect(served.readMs).toBeLessThan(2000);
  });

  it('gives the last known document, marked, where that is preferred to none', async () => {
    const source = createHeldSource();
    const cache = await openCache(source, { leaseMs: null, isLost: (error) => error instanceof Error && error.message === 'the database is away' });
    const first = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    (await source.nextDocuments()).answer([documentAt(1, 100)]);
    await first;
    const away = async (by: string) => {
      const answer = read(cache, by);
      (await source.nextVersions()).fail(new Error('the database is away'));
      return answer;
    };
    expect(await away(lookup)).toMatchObject({ outcome: 'unverified', held: { version: 1 } });
    await expect(away('slug:never-read')).rejects.toThrow('the database is away');
    const broken = read(cache);
    (await source.nextVersions()).fail(new Error('a fault of another kind'));
    await expect(broken).rejects.toThrow('a fault of another kind');
  });
});

describe('a read beside a write', () => {
  it('does not let a slow reader overwrite a newer price, in memory or in Redis', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const slow = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    const load = await source.nextDocuments();
    await primary.write(cache, documentAt(2, 200));
    load.answer([documentAt(1, 100)]);
    expect(priceOf((await slow).held)).toBe(100);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(await inRedis()).toMatchObject({ version: 2, body: documentAt(2, 200).json });
    expect(await redis.exists(lockKey(key))).toBe(0);
  });

  it('is never installed to be hit where it was sent before the block, or while that stood', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const answerAll = async (reading: Promise<unknown>, question: { answer(rows: ReturnType<typeof documentAt>[]): void }) => {
      question.answer([documentAt(1, 100)]);
      void source.nextDocuments().then((load) => load.answer([documentAt(1, 100)]));
      await reading;
    };
    const [before, question] = [read(cache), await source.nextVersions()];
    const lift = await block(`id:${productId}`);
    await clock.pass(0);
    await answerAll(before, question);
    const [during, asked] = [read(cache), await source.nextVersions()];
    await lift();
    await clock.pass(0);
    await answerAll(during, asked);
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    expect(cache.report().rows.find(({ name }) => name === 'productDetail')).toMatchObject({ fillsRefused: 1 });
    const after = read(cache);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    await after;
    expect(cache.documents.hit('productDetail', 'lamp')).toMatchObject({ version: 1 });
  });

  it('keeps the later of two writes whose answers come in the wrong order', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const first = primary.write(cache, documentAt(2, 200), { source, afterCommit: () => held });
    await clock.pass(0);
    await primary.write(cache, documentAt(3, 300), { source });
    answer();
    await first;
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    await expect.poll(inRedis).toMatchObject({ version: 3 });
    expect(priceOf((await read(cache)).held)).toBe(300);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 3 } });
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

  it('believes nothing from before in another life of the database, and follows it back where a question asked afterwards says so', async () => {
    const source = createTableSource(documentAt(5, 500));
    const cache = await openCache(source);
    await read(cache);
    source.commit(documentAt(4, 400, { token: 'restored' }));
    primary.pair = 'second';
    await clock.pass(leaseMs / 4);
    expect(priceOf((await read(cache)).held)).toBe(400);
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 4 } });
  });

  it('answers the next read on the writing instance from memory without asking Postgres, and leaves the version in Redis', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await read(cache);
    await primary.write(cache, documentAt(2, 200), { source });
    const before = { ...source.sent };
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(source.sent).toEqual(before);
    await expect.poll(inRedis).toMatchObject({ version: 2 });
  });

  it('shows a write of another instance at once, with one question and the body from Redis', async () => {
    const source = createTableSource(documentAt(1, 100));
    const [here, there] = [await openCache(source), await openCache(source)];
    await read(here);
    await read(there);
    await primary.write(there, documentAt(2, 200), { source });
    const { versions, documents } = source.sent;
    expect(await read(here)).toMatchObject({ outcome: 'redis', held: { version: 2 } });
    expect(await read(here)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(source.sent).toEqual({ versions: versions + 1, documents });
  });

  it('is not put into memory by a writer whose lease has lapsed since the block', async () => {
    const source = createTableSource(documentAt(1, 100));
    const cache = await openCache(source);
    await primary.write(cache, documentAt(2, 200), {
      source,
      afterCommit: async () => {
        primary.before = fail;
        clock.advance(leaseMs);
      },
    });
    expect(cache.documents.hit('productDetail', 'lamp')).toBeUndefined();
    await expect.poll(inRedis).toMatchObject({ version: 2 });
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
    await clock.pass(policies.productDetail.absentMs);
    expect(cache.report().lease.state).toBe('held');
    expect(priceOf((await read(cache)).held)).toBe(100);
  });

  it('is not believed without the lease', async () => {
    const source = createTableSource();
    const cache = await openCache(source);
    await read(cache);
    source.commit(documentAt(1, 100));
    clock.advance(leaseMs);
    expect(priceOf((await read(cache)).held)).toBe(100);
  });

  it.each(['adminProductMake', 'adminProductEdit'] as const)('is cleared by a write that gives the slug to a product (%s)', async (row) => {
    const source = createTableSource(documentAt(1, 100, { slug: 'chair' }));
    const [cache, other] = [await openCache(source), await openCache(source)];
    await read(cache);
    await read(cache, 'slug:chair');
    await read(other);
    await primary.write(cache, documentAt(2, 200), { row, source, keys: [`id:${productId}`, lookup, 'slug:chair'] });
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 2 } });
    expect(await read(other)).toMatchObject({ held: { version: 2 } });
  });

  it('does not come back with an answer from before the product was made', async () => {
    const source = createHeldSource();
    const cache = await openCache(source);
    const early = read(cache);
    const question = await source.nextVersions();
    clock.advance(1);
    await primary.write(cache, documentAt(1, 100), { row: 'adminProductMake' });
    question.answer([]);
    expect((await early).held).toBeNull();
    expect(await read(cache)).toMatchObject({ outcome: 'memory', held: { version: 1 } });
  });
});
