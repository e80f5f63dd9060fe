import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { monotonicClock } from '../../src/cache/clock.js';
import { type Filling, fillOnce, type Look } from '../../src/cache/fill-once.js';
import { lockKey } from '../../src/cache/keys.js';
import { createRedisStore, down, type RedisStore } from '../../src/cache/redis-store.js';
import { startRedis } from '../harness/redis.js';
import { openRedis } from './shared-redis.js';

const life = 60_000;
const shared = openRedis();
let redis: Redis;
let store: RedisStore;
let key: string;

beforeAll(async () => {
  redis = await shared.connect();
  store = createRedisStore(redis);
});
beforeEach(() => {
  key = `fill-once:{${randomUUID()}}`;
});
afterAll(async () => {
  store.close();
  await shared.close();
});

/** A document of version `version` whose body is the loaded text. */
function filling(load: () => Promise<string>, version = 1, using = store): Filling<string> {
  return {
    key,
    load,
    async look(): Promise<Look<string>> {
      const seen = await using.document(key);
      if (seen === down) return down;
      if (seen === null || seen.version < version) return 'nothing';
      return seen.version > version ? 'moved' : { value: seen.body };
    },
    store: (body, lock) => using.fillDocument(key, lock, { version, token: `t${version}`, body }, life),
  };
}

describe('filling once', () => {
  it('stores what the holder of the lock loaded, and gives the lock up', async () => {
    expect(
      await fillOnce(
        store,
        monotonicClock,
        filling(async () => 'one'),
      ),
    ).toEqual({ value: 'one', how: 'stored' });
    expect(await store.document(key)).toMatchObject({ version: 1, body: 'one' });
    expect(await redis.exists(lockKey(key))).toBe(0);
  });

  it('gives the losers of the lock what the winner loaded', async () => {
    const held = holdOpen('one');
    const winner = fillOnce(store, monotonicClock, filling(held.load));
    await held.begun;
    const loser = fillOnce(
      store,
      monotonicClock,
      filling(async () => 'loaded again'),
    );
    held.finish();
    expect(await winner).toEqual({ value: 'one', how: 'stored' });
    expect(await loser).toEqual({ value: 'one', how: 'collapsed' });
  });

  it('looks again after winning the lock, because the holder before may have stored', async () => {
    await store.putDocument(key, { version: 1, token: 't1', body: 'stored before' }, life);
    expect(
      await fillOnce(
        store,
        monotonicClock,
        filling(async () => 'loaded again'),
      ),
    ).toEqual({ value: 'stored before', how: 'collapsed' });
    expect(await redis.exists(lockKey(key))).toBe(0);
  });

  it('uses what it loaded and stores nothing where the lock was lost meanwhile', async () => {
    const filled = await fillOnce(
      store,
      monotonicClock,
      filling(async () => {
        await redis.set(lockKey(key), 'somebody else', 'PX', life);
        return 'one';
      }),
    );
    expect(filled).toEqual({ value: 'one', how: 'refused' });
    expect(await store.document(key)).toBeNull();
    expect(await redis.get(lockKey(key))).toBe('somebody else');
  });

  it('does not let the holder whose database was slower than its lock store over the one after it', async () => {
    const slow = holdOpen('old');
    const first = fillOnce(store, monotonicClock, filling(slow.load, 1));
    await slow.begun;
    await redis.del(lockKey(key));
    const second = holdOpen('new');
    const replaced = fillOnce(store, monotonicClock, filling(second.load, 1));
    await second.begun;
    slow.finish();
    expect(await first).toEqual({ value: 'old', how: 'refused' });
    expect(await store.document(key)).toBeNull();
    second.finish();
    expect(await replaced).toEqual({ value: 'new', how: 'stored' });
    expect(await store.document(key)).toMatchObject({ body: 'new' });
  });

  it('goes on when the lock of a killed holder ends', async () => {
    await redis.set(lockKey(key), 'killed', 'PX', 200);
    expect(
      await fillOnce(
        store,
        monotonicClock,
        filling(async () => 'one'),
      ),
    ).toEqual({ value: 'one', how: 'stored' });
  });

  it('loads for itself after the wait limit, where the lock stays', async () => {
    await redis.set(lockKey(key), 'hung', 'PX', life);
    expect(
      await fillOnce(
        store,
        monotonicClock,
        filling(async () => 'one'),
      ),
    ).toEqual({ value: 'one', how: 'waited-out' });
    expect(await store.document(key)).toBeNull();
    expect(await redis.get(lockKey(key))).toBe('hung');
  });

  it('does not wait for a version that has been replaced', async () => {
    await redis.set(lockKey(key), 'filling 2', 'PX', life);
    await store.putDocument(key, { version: 2, token: 't2', body: 'two' }, life);
    expect(
      await fillOnce(
        store,
        monotonicClock,
        filling(async () => 'one', 1),
      ),
    ).toEqual({ value: 'one', how: 'waited-out' });
    expect(await store.document(key)).toMatchObject({ version: 2, body: 'two' });
  });

  it('passes on an error of the load without trying again, and frees the lock', async () => {
    let loads = 0;
    const failing = filling(async () => {
      loads += 1;
      throw new Error('the database is away');
    });
    await expect(fillOnce(store, monotonicClock, failing)).rejects.toThrow('the database is away');
    expect(loads).toBe(1);
    expect(await redis.exists(lockKey(key))).toBe(0);
  });

  it('answers from the database where Redis is lost in the middle, whoever holds the lock', async () => {
    const server = await startRedis();
    const own = openRedis(server.url);
    const using = createRedisStore(await own.connect());
    const held = holdOpen('one');
    const winner = fillOnce(using, monotonicClock, filling(held.load, 1, using));
    await held.begun;
    const loser = fillOnce(
      using,
      monotonicClock,
      filling(async () => 'another one', 1, using),
    );
    await server.kill();
    expect(await loser).toEqual({ value: 'another one', how: 'redis-down' });
    held.finish();
    expect(await winner).toEqual({ value: 'one', how: 'redis-down' });
    using.close();
    await own.close();
    await server.stop();
  });
});

/** A load that lasts until it is told to finish. */
function holdOpen(value: string) {
  let begin!: () => void;
  let finish!: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    begun,
    finish,
    async load() {
      begin();
      await finished;
      return value;
    },
  };
}
