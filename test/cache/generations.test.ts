import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGenerations } from '../../src/cache/generations.js';
import { generationKey } from '../../src/cache/keys.js';
import { tuning } from '../../src/cache/policies.js';
import { createRedisStore, down, type RedisStore } from '../../src/cache/redis-store.js';
import { createFakeClock } from './fake-clock.js';
import { openRedis } from './shared-redis.js';

const shared = openRedis();
let redis: Redis;
let real: RedisStore;
let store: RedisStore;
let away: Set<'raise' | 'generations'>;
let clock: ReturnType<typeof createFakeClock>;
let catalogId: string;

beforeAll(async () => {
  redis = await shared.connect();
  real = createRedisStore(redis);
});
beforeEach(() => {
  clock = createFakeClock();
  catalogId = randomUUID();
  away = new Set();
  // The real store, of which single calls can be lost.
  store = {
    ...real,
    raise: async (...parameters) => (away.has('raise') ? down : real.raise(...parameters)),
    generations: async (...parameters) => (away.has('generations') ? down : real.generations(...parameters)),
  };
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  real.close();
  await shared.close();
});

const open = () => createGenerations({ store, clock, catalogId });
const pass = () => clock.advance(tuning.generationMs + 1);

describe('generations', () => {
  it('are the same for all instances, and one raise changes them for all', async () => {
    const [here, there] = [open(), open()];
    const before = await here.of(['membership']);
    expect(await there.of(['membership'])).toBe(before);
    await here.raise(['membership']);
    const after = await here.of(['membership']);
    expect(after).not.toBe(before);
    pass();
    expect(await there.of(['membership'])).toBe(after);
  });

  it('do not depend on the order in which they are named', async () => {
    const here = open();
    expect(await here.of(['membership', 'price', 'stock'])).toBe(await here.of(['stock', 'price', 'membership']));
  });

  it('keep every reader who comes while the first question is under way waiting for its answer', async () => {
    await open().raise(['membership']);
    const here = open();
    const told = await Promise.all([here.of(['membership']), here.of(['membership'])]);
    expect(told[1]).toBe(told[0]);
    expect(await open().of(['membership'])).toBe(told[0]);
  });

  it('are raised here at once while Redis is away, and for the others when it is back', async () => {
    const [here, there] = [open(), open()];
    const before = await here.of(['membership']);
    await there.of(['membership']);
    away = new Set(['raise', 'generations']);
    await here.raise(['membership']);
    expect(await here.of(['membership'])).not.toBe(before);
    away = new Set();
    pass();
    const after = await here.of(['membership']);
    expect(after).not.toBe(before);
    expect(await there.of(['membership'])).toBe(after);
  });

  it('never name the pages from before a raise again while the raise is handed over', async () => {
    const here = open();
    const before = await here.of(['membership']);
    away = new Set(['raise', 'generations']);
    await here.raise(['membership']);
    away = new Set(['generations']);
    pass();
    expect(await here.of(['membership'])).not.toBe(before);
    away = new Set();
    pass();
    expect(await here.of(['membership'])).not.toBe(before);
  });

  it('are raised here even where Redis was lost between the raise and the answer', async () => {
    const here = open();
    const before = await here.of(['membership']);
    away = new Set(['generations']);
    await here.raise(['membership']);
    expect(await here.of(['membership'])).not.toBe(before);
  });

  it('are not taken back by an answer from before the raise that comes after it', async () => {
    const here = open();
    await here.of(['membership']);
    pass();
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const from = store.generations;
    let told = () => {};
    const isTold = new Promise<void>((resolve) => {
      told = resolve;
    });
    store.generations = async (...parameters) => {
      const numbers = await from(...parameters);
      told();
      await arrived;
      return numbers;
    };
    const asked = here.of(['membership']);
    await isTold;
    await here.raise(['membership']);
    arrive();
    await asked;
    store.generations = from;
    expect(await here.of(['membership'])).toBe(await open().of(['membership']));
  });

  it('follow a Redis that has failed over to an older copy, whose numbers are lower', async () => {
    const here = open();
    await here.raise(['membership']);
    const before = await here.of(['membership']);
    await redis.hincrby(generationKey(catalogId), 'membership', -10);
    await here.raise(['membership']);
    const after = await here.of(['membership']);
    expect(after).not.toBe(before);
    expect(await open().of(['membership'])).toBe(after);
  });

  it('name pages of nobody else until Redis has told its numbers', async () => {
    away = new Set(['generations']);
    const blind = await open().of(['membership']);
    away = new Set();
    const told = await open().of(['membership']);
    expect(told).not.toBe(blind);
    await redis.del(generationKey(catalogId));
    expect(await open().of(['membership'])).not.toBe(blind);
  });

  it('begin above every number they ever had when Redis has lost them, even in a busy millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const here = open();
    const seen = new Set<string>();
    for (let round = 1; round <= 3; round += 1) {
      for (let write = 0; write < 50; write += 1) {
        await here.raise(['membership']);
        seen.add(await here.of(['membership']));
      }
      await redis.del(generationKey(catalogId));
      vi.setSystemTime(Date.now() + 1);
      pass();
      seen.add(await here.of(['membership']));
      expect(seen.size).toBe(51 * round);
    }
  });
});
