import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockKey } from '../../src/cache/keys.js';
import { createRedisStore, down, type RedisStore } from '../../src/cache/redis-store.js';
import { type RedisServer, startRedis } from '../harness/redis.js';

const document = { version: 1, token: 'token', body: '{}' };
const life = 60_000;
let server: RedisServer;
let redis: Redis;
let store: RedisStore;
let changes: boolean[];
let key: string;

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(async () => {
  // The client's own bound is far out: the store keeps to its bound alone.
  const bounds = { commandTimeout: 1000, connectTimeout: 500, maxRetriesPerRequest: 1 };
  redis = new Redis(server.url, {
    ...bounds,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
  });
  redis.on('error', () => {});
  await redis.connect();
  changes = [];
  store = createRedisStore(redis, (isUp) => changes.push(isUp));
  key = randomUUID();
});
afterEach(() => {
  store.close();
  redis.disconnect();
});
afterAll(() => server.stop());

async function untilUp() {
  for (let i = 0; i < 500 && !store.isUp(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(store.isUp()).toBe(true);
}

describe('a Redis that hangs', () => {
  it('lets all who wait go with the first who waited in vain, and keeps nobody after that', async () => {
    await store.putDocument(key, document, life);
    server.pause();
    const first = store.document(key);
    await new Promise(setImmediate);
    let left = 0;
    const others = Array.from({ length: 20 }, () =>
      store.document(key).finally(() => {
        left += 1;
      }),
    );
    expect(await first).toBe(down);
    await new Promise(setImmediate);
    expect(left).toBe(20);
    expect(new Set(await Promise.all(others))).toEqual(new Set([down]));
    expect(store.isUp()).toBe(false);

    let isNext = false;
    void store.document(key).finally(() => {
      isNext = true;
    });
    await new Promise(setImmediate);
    expect(isNext).toBe(true);
    server.resume();
    await untilUp();
    expect(await store.document(key)).toEqual(document);
    expect(changes).toEqual([false, true]);
  });

  it('is asked over a new connection when the old one stays silent', async () => {
    server.pause();
    const isReplaced = new Promise((resolve) => redis.once('close', resolve));
    expect(await store.document(key)).toBe(down);
    await isReplaced;
    server.resume();
    await untilUp();
  });
});

describe('a Redis that is gone', () => {
  it('is found again when it is back, and takes scripts it has never seen', async () => {
    await store.putDocument(key, document, life);
    await server.kill();
    expect(await store.document(key)).toBe(down);
    await server.start();
    await untilUp();
    expect(await store.document(key)).toBeNull();
    expect(await store.putDocument(key, document, life)).toBe(true);
  });

  it('is no longer looked for once the store is closed', async () => {
    await server.kill();
    expect(await store.document(key)).toBe(down);
    store.close();
    await server.start();
    await new Promise<void>((resolve) => {
      redis.once('ready', resolve);
    });
    expect(store.isUp()).toBe(false);
  });
});

describe('a Redis that answers', () => {
  it('is not taken for absent because this process was busy for longer than the bound', async () => {
    await store.putDocument(key, document, life);
    const asked = store.document(key);
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        for (const end = performance.now() + 400; performance.now() < end; );
        resolve();
      });
    });
    expect(await asked).toEqual(document);
    expect(changes).toEqual([]);
  });

  it('is not avoided because it is full, takes nothing more, and keeps no lock', async () => {
    expect(await store.lock(key, 'mine', life)).toBe(true);
    expect(await store.lock(`${key} page`, 'mine', life)).toBe(true);
    await redis.config('SET', 'maxmemory', '1');
    const full = [
      store.putDocument(key, document, life),
      store.fillDocument(key, 'mine', document, life),
      store.fillText(`${key} page`, 'mine', '{}', life),
      store.lock('another', 'mine', life),
    ];
    const answers = await Promise.all(full);
    await redis.config('SET', 'maxmemory', '0');
    expect(answers).toEqual([down, down, down, down]);
    expect(await redis.exists(key, `${key} page`, lockKey(key), lockKey(`${key} page`))).toBe(0);
    expect(await store.putDocument(key, document, life)).toBe(true);
    expect(changes).toEqual([]);
  });

  it('is given its scripts again after it forgot them', async () => {
    await store.putDocument(key, document, life);
    await redis.script('FLUSH');
    expect(await store.putDocument(key, { ...document, version: 2 }, life)).toBe(true);
    await redis.script('FLUSH');
    expect(await Promise.all([store.raise(key + 1, [['price', 1]], 1), store.putDocument(key, document, life)])).toEqual([[2], false]);
  });
});
