import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/cache.js';
import { policies, tuning, type WriteRow } from '../../src/cache/policies.js';
import { createPollingClock } from './fake-clock.js';
import { openRedis, settle } from './shared-redis.js';

const { freshMs, staleMs } = policies.productListing;
const shared = openRedis();
let clock: ReturnType<typeof createPollingClock>;
let catalogId: string;
let here: Cache;
let there: Cache;
let redis: Redis;

beforeEach(async () => {
  clock = createPollingClock();
  catalogId = randomUUID();
  redis = await shared.connect();
  [here, there] = await Promise.all([shared.cache({ clock, catalogId, redis }), shared.cache({ clock, catalogId, redis })]);
});
afterAll(() => shared.close());

/** Time passes for memory and for the pages in Redis alike. */
async function age(ms: number): Promise<void> {
  clock.advance(ms);
  for (const key of await redis.keys(`${catalogId}:*{*`)) {
    const left = (await redis.pttl(key)) - ms;
    await (left > 0 ? redis.pexpire(key, left) : redis.del(key));
  }
}

/** A page whose loads are counted, and held where `hold` is set. */
function createPage() {
  const page = { loads: 0, error: null as Error | null, release: () => {}, held: Promise.resolve() };
  return {
    page,
    hold() {
      page.held = new Promise((resolve) => {
        page.release = resolve;
      });
    },
    read: (cache: Cache) =>
      cache.read<{ ids: string[] }>('productListing', 'sort=newest', ['membership'], async () => {
        const id = `load ${++page.loads}`;
        await page.held;
        if (page.error) throw page.error;
        return { ids: [id] };
      }),
  };
}

describe('a fresh page', () => {
  it('is loaded once, however many instances ask for it at once', async () => {
    const { page, read } = createPage();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => read(i % 2 ? here : there)));
    expect(new Set(answers.map(({ value }) => value.ids[0]))).toEqual(new Set(['load 1']));
    expect(page.loads).toBe(1);
  });

  it('comes from memory, and from Redis on an instance that has not seen it', async () => {
    const { page, read } = createPage();
    expect(await read(here)).toMatchObject({ outcome: 'stored' });
    expect(await read(here)).toEqual({ outcome: 'memory', value: { ids: ['load 1'] } });
    expect(await read(there)).toEqual({ outcome: 'redis', value: { ids: ['load 1'] } });
    expect(page.loads).toBe(1);
  });

  it('has in memory the age that it has in Redis', async () => {
    const { read } = createPage();
    await read(here);
    await age(0.6 * freshMs);
    expect((await read(there)).outcome).toBe('redis');
    await age(0.6 * freshMs);
    expect((await read(there)).outcome).toBe('stale');
  });

  it('is not taken from Redis where the text there is damaged', async () => {
    for (const damaged of ['not JSON', '{}', 'null', '[]']) {
      const { page, read } = createPage();
      await read(here);
      const [key] = await redis.keys(`${catalogId}:*{*`);
      await redis.set(key as string, damaged, 'PX', freshMs);
      expect((await read(await shared.cache({ clock, catalogId, redis }))).value).toEqual({ ids: ['load 2'] });
      expect(page.loads).toBe(2);
      await redis.del(key as string);
      here = await shared.cache({ clock, catalogId, redis });
    }
  });
});

describe('a stale page', () => {
  it('answers 1,000 concurrent reads over two instances at once, and is refreshed exactly once', async () => {
    const { page, read, hold } = createPage();
    await Promise.all([read(here), read(there)]);
    await age(freshMs);
    hold();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => read(i % 2 ? here : there)));
    expect(new Set(answers.map(({ outcome, value }) => `${outcome} ${value.ids[0]}`))).toEqual(new Set(['stale load 1']));
    page.release();
    await settle(redis);
    clock.advance(4 * tuning.pollMs);
    await Promise.all([read(here), read(there)]);
    await settle(redis);
    expect(await Promise.all([read(here), read(there)])).toEqual([
      { outcome: 'memory', value: { ids: ['load 2'] } },
      { outcome: 'memory', value: { ids: ['load 2'] } },
    ]);
    expect(page.loads).toBe(2);
  });

  it('is what an instance without it takes from Redis, and one refresh follows', async () => {
    const { page, read } = createPage();
    await read(here);
    await age(freshMs);
    expect(await read(there)).toEqual({ outcome: 'stale', value: { ids: ['load 1'] } });
    await settle(redis);
    expect(await read(there)).toEqual({ outcome: 'memory', value: { ids: ['load 2'] } });
    expect(page.loads).toBe(2);
  });

  it('stays when its refresh fails, and is tried again ever more rarely', async () => {
    const { page, read } = createPage();
    await read(here);
    // A page is younger in Redis than in memory, by the time that it took to get there.
    clock.advance(5_000);
    await age(freshMs);
    page.error = new Error('the database is away');
    const triedAt: number[] = [];
    for (let seconds = 0; seconds < 100; seconds += 0.5) {
      const before = page.loads;
      expect(await read(here)).toEqual({ outcome: 'stale', value: { ids: ['load 1'] } });
      await settle(redis);
      if (page.loads > before) triedAt.push(seconds);
      await age(500);
    }
    const pauses = triedAt.slice(1).map((seconds, i) => seconds - (triedAt[i] ?? 0));
    expect(pauses.length).toBeGreaterThanOrEqual(6);
    pauses.forEach((seconds, failures) => {
      const limit = Math.min(tuning.backoffMs * 2 ** failures, tuning.backoffMaxMs) / 1000;
      expect(seconds).toBeGreaterThanOrEqual(limit * (1 - tuning.jitter));
      expect(seconds).toBeLessThanOrEqual(limit);
    });
    page.error = null;
    await age(tuning.backoffMaxMs);
    await read(here);
    await settle(redis);
    expect((await read(here)).outcome).toBe('memory');
  });

  it('is not served past its hard limit: the read waits for the new one', async () => {
    const { page, read, hold } = createPage();
    await Promise.all([read(here), read(there)]);
    await age(freshMs + staleMs);
    hold();
    let isAnswered = false;
    const waiting = read(here).finally(() => {
      isAnswered = true;
    });
    await settle(redis);
    expect(isAnswered).toBe(false);
    page.release();
    expect(await waiting).toEqual({ outcome: 'stored', value: { ids: ['load 2'] } });
  });

  it('gives the error itself to a read past the hard limit', async () => {
    const { page, read } = createPage();
    await read(here);
    await age(freshMs + staleMs);
    page.error = new Error('the database is away');
    await expect(read(here)).rejects.toThrow('the database is away');
    page.error = null;
    expect((await read(here)).value).toEqual({ ids: ['load 3'] });
  });

  it('is refreshed once by an instance that has no Redis', async () => {
    const alone = await shared.cache({ clock, catalogId, redis: null });
    const { page, read, hold } = createPage();
    await read(alone);
    clock.advance(freshMs);
    hold();
    await Promise.all(Array.from({ length: 100 }, () => read(alone)));
    page.release();
    await settle(redis);
    expect((await read(alone)).value).toEqual({ ids: ['load 2'] });
    expect(page.loads).toBe(2);
  });
});

describe('a page of a row that is never served stale', () => {
  it('is loaded anew when its life has ended', async () => {
    let loads = 0;
    const read = (cache: Cache) => cache.read('categoryTree', 'tree', ['membership'], async () => ({ body: `load ${++loads}` }));
    await read(here);
    expect(await read(here)).toEqual({ outcome: 'memory', value: { body: 'load 1' } });
    await age(policies.categoryTree.freshMs);
    expect(await read(here)).toEqual({ outcome: 'stored', value: { body: 'load 2' } });
  });
});

describe('dropping pages', () => {
  const drop = (row: WriteRow) => here.write(row, async () => ({ keys: [], commit: async () => ({ value: null, documents: [], isKnown: true }) }));

  it('takes effect at once on the instance that wrote, and on another when it next asks for the generation', async () => {
    const { read } = createPage();
    await Promise.all([read(here), read(there)]);
    await drop('adminProductMake');
    expect((await read(here)).value).toEqual({ ids: ['load 2'] });
    clock.advance(tuning.generationMs + 1);
    expect(await read(there)).toEqual({ outcome: 'redis', value: { ids: ['load 2'] } });
  });

  it('leaves pages alone that do not depend on what was written', async () => {
    const { page, read } = createPage();
    await Promise.all([read(here), read(there)]);
    await drop('adminPrice');
    clock.advance(tuning.generationMs + 1);
    await Promise.all([read(here), read(there)]);
    expect(page.loads).toBe(1);
  });

  it('lasts through a FLUSHALL: no page from before comes back', async () => {
    const { read } = createPage();
    await read(here);
    await drop('adminProductMake');
    expect((await read(here)).value).toEqual({ ids: ['load 2'] });
    const keys = await redis.keys(`${catalogId}:*`);
    await redis.del(...keys);
    clock.advance(tuning.generationMs + 1);
    const { value } = await read(here);
    expect(value).toEqual({ ids: ['load 3'] });
    expect((await read(there)).value).toEqual(value);
  });
});
