import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { adminKey } from '../harness/service.js';
import { bundle } from '../sabotage/bundle.js';
import { startServerProcess } from '../truth/server-process.js';
import { setPrice, stock } from '../week/shopper.js';
import { growthOf, type Sample } from './growth.js';
import { leaks } from './leaks.js';
import { createSampler } from './sampler.js';

const looks = 11;
const requestsBetween = 100;
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** What grows in an instance that is asked so much between one look and the next, and loses what is named. */
async function grows(...lost: string[]): Promise<string[]> {
  const database = await createDatabase();
  const cleaner = new Redis(redis.url);
  await cleaner.flushall();
  const script = await bundle({ entry: 'test/truth/instance.ts', edits: lost.flatMap((leak) => leaks[leak]?.edit ?? []) });
  const port = await freePort();
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PORT: String(port),
    MIGRATE: 'false',
    LOG_LEVEL: 'warn',
    ADMIN_API_KEY: adminKey,
    MEMORY_CACHE_MB: '8',
  };
  const server = await startServerProcess({ script, env, logFile: join(mkdtempSync(join(tmpdir(), 'truetag-soak-')), 'log'), onHit: () => {} });
  const sampler = createSampler({ postgresUrl: database.url, redisPort: redis.port, instances: [{ name: 'i1', sample: server.sample }] });
  try {
    const url = `http://127.0.0.1:${port}`;
    const products = await stock({ url }, 'soak', 10);
    const samples: Sample[] = [];
    for (let amount = 1; amount <= looks; amount += 1) {
      for (let i = 0; i < requestsBetween; i += 1) {
        const slug = i % 5 === 0 ? `nobody-${amount}-${i}` : products[i % 10]?.slug;
        await (await fetch(`${url}/v1/products/${slug}`)).arrayBuffer();
      }
      for (const { variantId } of products) await setPrice({ url }, variantId, 2000 + amount);
      samples.push(await sampler.take());
    }
    return growthOf(samples, 10 * looks).flatMap(({ figure, isOver }) => (isOver ? [figure] : []));
  } finally {
    server.kill();
    await server.ended;
    cleaner.disconnect();
    await sampler.close();
    await database.drop();
  }
}

describe('a soak', () => {
  it('finds that nothing grows in an instance as it is', { timeout: 120_000 }, async () => {
    expect(await grows()).toEqual([]);
  });

  // What a closure costs shows in the heap; a listener or a timer would hide it there.
  it.each([[['closure']], [['listener', 'timer', 'endless-key']]])('finds %s lost with each request', { timeout: 120_000 }, async (lost) => {
    const found = (await grows(...lost)).map((figure) => figure.split(' ')[0]);
    for (const leak of lost) expect(found).toContain(leaks[leak]?.figure);
  });

  it('has every leak of its table found by one of these', () => {
    expect(Object.keys(leaks).sort()).toEqual(['closure', 'endless-key', 'listener', 'timer']);
  });
});

describe('the rule of growth', () => {
  const run = (value: (i: number) => number, figure = 'listeners i1') =>
    growthOf(
      Array.from({ length: 20 }, (_, i) => ({ [figure]: value(i) })),
      0,
    );

  it('passes what is only high in the beginning, or once', () => {
    expect(run((i) => (i < 6 ? 100 * i : 10))[0]?.isOver).toBe(false);
    expect(run((i) => (i === 19 ? 1000 : 10))[0]?.isOver).toBe(false);
  });

  it('fails what rises steadily, and a single key without an end', () => {
    expect(run((i) => i)[0]?.isOver).toBe(true);
    expect(run((i) => (i === 15 ? 1 : 0), 'endless')[0]?.isOver).toBe(true);
  });

  it('does not judge by too few samples, nor figures that it does not know', () => {
    expect(() => growthOf([{ heap: 1 }], 0)).toThrow(/too few/);
    expect(() => run(() => 1, 'unheard-of')).toThrow(/does not say/);
  });
});
