import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { createCounters } from '../../src/cache/counters.js';
import type { DocumentSource } from '../../src/cache/document-bodies.js';
import { createDocuments } from '../../src/cache/documents.js';
import { cacheKey } from '../../src/cache/keys.js';
import type { Lease } from '../../src/cache/lease.js';
import { createMemory, type Memory } from '../../src/cache/memory.js';
import { policies } from '../../src/cache/policies.js';
import { createRedisStore, type RedisStore } from '../../src/cache/redis-store.js';
import { createTimed } from '../../src/cache/timed.js';
import { createVersionLane } from '../../src/cache/version-lane.js';
import { createFakeClock, createPollingClock } from './fake-clock.js';
import { createHeldLease } from './held-lease.js';
import { createHeldSource, documentAt, priceOf, productId } from './held-source.js';
import { withScript } from './sabotage/changed-script.js';
import { createForgetfulMemory } from './sabotage/forgetful-memory.js';
import { createInstallingLease } from './sabotage/installing-lease.js';
import { createJoiningLane } from './sabotage/joining-lane.js';
import { createLocklessStore } from './sabotage/lockless-store.js';
import { createTokenlessStore } from './sabotage/tokenless-store.js';
import { openRedis, settle } from './shared-redis.js';
import { createTableSource } from './table-source.js';

const life = 60_000;
const lookup = 'slug:lamp';
const shared = openRedis();
const stores: RedisStore[] = [];
afterAll(async () => {
  for (const store of stores) store.close();
  await shared.close();
});

function openStore(redis: Redis): RedisStore {
  const store = createRedisStore(redis);
  stores.push(store);
  return store;
}

async function openDocuments(parts: { source: DocumentSource; memory?: Memory; store?: RedisStore; catalogId?: string; lease?: Lease }) {
  const error = () => new Error('unexpected');
  const clock = createFakeClock();
  const { memory = createMemory(2 ** 20), store = openStore(await shared.connect()), catalogId = randomUUID() } = parts;
  return createDocuments({
    source: parts.source,
    memory,
    store,
    catalogId,
    clock,
    lease: parts.lease ?? createHeldLease(clock),
    isLost: null,
    sampler: null,
    counters: createCounters(),
    overload: error,
    timeout: error,
  });
}

/** Every rule once as it is and once broken: a check that cannot tell the two apart proves nothing. */
function rule<Sabotage>(claim: string, check: (sabotage: Sabotage) => Promise<void>, asItIs: Sabotage, sabotaged: Sabotage) {
  describe(claim, () => {
    it('holds', () => check(asItIs));
    it('is seen to be broken where it is sabotaged', async () => {
      await expect(check(sabotaged)).rejects.toMatchObject({ name: 'AssertionError' });
    });
  });
}

rule(
  'a reader never joins a version query that has been sent',
  async (createLane) => {
    const source = createHeldSource();
    const error = () => new Error('unexpected');
    const lane = createLane({ versions: source.versions, clock: createFakeClock(), mark: () => null, overload: error, timeout: error });
    const early = lane.ask([lookup]);
    const sent = await source.nextVersions();
    const late = lane.ask([lookup]);
    sent.answer([documentAt(1, 100)]);
    await early;
    void source.nextVersions().then((query) => query.answer([documentAt(2, 200)]));
    expect((await late).found.get(lookup)?.version).toBe(2);
  },
  createVersionLane<null>,
  createJoiningLane<null>,
);

rule(
  'a slow reader leaves the newer price in memory',
  async (wrap: (memory: Memory) => Memory) => {
    const source = createHeldSource();
    const documents = await openDocuments({ source, memory: wrap(createMemory(2 ** 20)) });
    const slow = documents.read('productDetail', lookup);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    const load = await source.nextDocuments();
    documents.install(documentAt(2, 200), [lookup]);
    load.answer([documentAt(1, 100)]);
    await slow;
    expect(priceOf(documents.hit('productDetail', lookup.slice('slug:'.length)))).toBe(200);
  },
  (memory) => memory,
  createForgetfulMemory,
);

rule(
  'what was read before a block is never hit after it',
  async (wrap: (lease: Lease) => Lease) => {
    const source = createHeldSource();
    const lease = createHeldLease(createFakeClock());
    const documents = await openDocuments({ source, lease: wrap(lease) });
    const slow = documents.read('productDetail', lookup);
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    const load = await source.nextDocuments();
    lease.apply('write', [lookup, `id:${productId}`]);
    lease.release('write');
    load.answer([documentAt(1, 100)]);
    await slow;
    expect(documents.hit('productDetail', 'lamp')).toBeUndefined();
  },
  (lease) => lease,
  createInstallingLease,
);

rule(
  'Redis keeps the newer of two documents',
  async (change: (redis: Redis) => Redis) => {
    const store = openStore(change(await shared.connect()));
    const key = randomUUID();
    await store.putDocument(key, { version: 2, token: 'b', body: '{}' }, life);
    await store.putDocument(key, { version: 1, token: 'a', body: '{}' }, life);
    expect(await store.document(key)).toMatchObject({ version: 2 });
  },
  (redis) => redis,
  (redis) => withScript(redis, 'ttPutDocument', 'if stands and stands > tonumber(ARGV[1]) then return 0 end', ''),
);

rule(
  'whoever lost the lock stores nothing',
  async (change: (redis: Redis) => Redis) => {
    const store = openStore(change(await shared.connect()));
    const key = randomUUID();
    await store.lock(key, 'slow', life);
    await store.unlock(key, 'slow');
    await store.lock(key, 'next', life);
    await store.fillDocument(key, 'slow', { version: 1, token: 'a', body: '{}' }, life);
    expect(await store.document(key)).toBeNull();
  },
  (redis) => redis,
  (redis) => withScript(redis, 'ttFillDocument', `if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end`, ''),
);

rule(
  'a body in Redis is used at the token that Postgres names, and at no other',
  async (spoil: (parts: { source: DocumentSource; store: RedisStore }) => { source: DocumentSource; store: RedisStore }) => {
    const store = openStore(await shared.connect());
    const catalogId = randomUUID();
    await store.putDocument(
      cacheKey(catalogId, 'productDetail', productId),
      { version: 1, token: 'before the restore', body: documentAt(1, 666).json },
      life,
    );
    const documents = await openDocuments({ ...spoil({ source: createTableSource(documentAt(1, 100)), store }), catalogId });
    expect(priceOf((await documents.read('productDetail', lookup)).held)).toBe(100);
  },
  (parts) => parts,
  createTokenlessStore,
);

rule(
  'a stale page is refreshed once across all instances',
  async (wrap: (store: RedisStore) => RedisStore) => {
    const redis = await shared.connect();
    const clock = createPollingClock();
    const open = () => createTimed({ memory: createMemory(2 ** 20), store: wrap(openStore(redis)), clock, counters: createCounters() });
    const instances = [open(), open()];
    const key = randomUUID();
    let loads = 0;
    let finish = () => {};
    let held = Promise.resolve();
    const load = async () => {
      loads += 1;
      await held;
      return { ids: [] };
    };
    const readAll = () => Promise.all(instances.map((instance) => instance.read('productListing', key, load)));
    await readAll();
    loads = 0;
    clock.advance(policies.productListing.freshMs);
    await redis.del(key);
    held = new Promise((resolve) => {
      finish = resolve;
    });
    await readAll();
    await settle(redis);
    finish();
    await settle(redis);
    expect(loads).toBe(1);
  },
  (store) => store,
  createLocklessStore,
);
