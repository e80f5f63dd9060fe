import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheKey, generationKey, lockKey, parameterKey } from '../../src/cache/keys.js';
import { policies, type ReadRow } from '../../src/cache/policies.js';
import { createRedisStore } from '../../src/cache/redis-store.js';
import { Slug } from '../../src/catalog/text.js';
import { freePort } from '../harness/free-port.js';
import { type RedisServer, startRedis } from '../harness/redis.js';

const rows = Object.entries(policies)
  .filter(([, policy]) => 'type' in policy)
  .map(([name]) => name as ReadRow);
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
/** Arguments out of the pieces that keys are made of. */
const trap = fc
  .array(fc.constantFrom(':', '{', '}', '%3A', '%', '@', ':lock', 'computed', 'list', 'category', 'tree', 'a'), { maxLength: 6 })
  .map((parts) => parts.join(''));
const argument = fc.oneof(text, trap);
const value = fc.oneof(text, fc.integer(), fc.boolean());

describe('a key', () => {
  it('does not depend on the order of the parameters, nor on those that are not there', () => {
    fc.assert(
      fc.property(fc.dictionary(text, value), text, (parameters, other) => {
        const entries = Object.entries(parameters);
        const turned = Object.fromEntries([...entries].reverse());
        expect(parameterKey(turned)).toBe(parameterKey(parameters));
        fc.pre(!Object.hasOwn(parameters, other) && other !== '__proto__');
        expect(parameterKey({ [other]: undefined, ...parameters })).toBe(parameterKey(parameters));
      }),
    );
  });

  it('differs where the parameters differ', () => {
    const pairs = fc.dictionary(fc.oneof(text, trap), fc.oneof(text, trap));
    fc.assert(
      fc.property(pairs, pairs, (one, other) => {
        expect(parameterKey(one) === parameterKey(other)).toBe(isDeepStrictEqual({ ...one }, { ...other }));
      }),
    );
  });

  it('belongs to one type and one argument alone', () => {
    fc.assert(
      fc.property(fc.constantFrom(...rows), argument, fc.constantFrom(...rows), argument, (row, one, otherRow, other) => {
        const same = policies[row].type === policies[otherRow].type && one === other;
        expect(cacheKey('c', row, one) === cacheKey('c', otherRow, other)).toBe(same);
        expect(lockKey(cacheKey('c', row, one))).not.toBe(cacheKey('c', otherRow, other));
      }),
      { numRuns: 1000 },
    );
  });

  it('of a category is none of the whole tree, whatever slug the category has', () => {
    const slug = Slug.parse('computed:tree');
    expect(cacheKey('c', 'categoryNode', slug)).not.toBe(cacheKey('c', 'categoryTree', 'tree'));
  });
});

describe('on a node of a cluster', () => {
  let folder: string;
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'truetag-cluster-'));
    server = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()), '--dir', folder);
    redis = new Redis(server.url, { commandTimeout: 10_000 });
    await redis.cluster('ADDSLOTSRANGE', 0, 16383);
    for (const deadline = Date.now() + 10_000; !(await redis.cluster('INFO')).includes('cluster_state:ok'); )
      expect(Date.now()).toBeLessThan(deadline);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('an entry and its lock share a slot, whatever the argument is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...rows), argument, async (row, one) => {
        const key = `${cacheKey('catalog', row, one)}@membership1.0`;
        const [slot, slotOfLock] = await Promise.all([redis.cluster('KEYSLOT', key), redis.cluster('KEYSLOT', lockKey(key))]);
        expect(slotOfLock).toBe(slot);
      }),
    );
  });

  it('every script is served', async () => {
    const store = createRedisStore(redis);
    const key = cacheKey('catalog', 'productDetail', 'lamp');
    const document = { version: 1, token: 'token', body: '{}' };
    expect(await store.putDocument(key, document, 10_000)).toBe(true);
    expect(await store.lock(key, 'mine', 10_000)).toBe(true);
    expect(await store.fillDocument(key, 'mine', document, 10_000)).toBe(true);
    const page = cacheKey('catalog', 'productListing', 'sort=newest');
    expect(await store.lock(page, 'mine', 10_000)).toBe(true);
    expect(await store.fillText(page, 'mine', '{}', 10_000)).toBe(true);
    expect(await store.lock(page, 'mine', 10_000)).toBe(true);
    await store.unlock(page, 'mine');
    expect(await redis.exists(lockKey(page))).toBe(0);
    expect(await store.raise(generationKey('catalog'), [['price', 1]], 7)).toEqual([8]);
    expect(await store.generations(generationKey('catalog'), ['membership', 'price'], 7)).toEqual([7, 8]);
    store.close();
  });
});
