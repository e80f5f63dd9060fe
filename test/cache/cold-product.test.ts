import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { monotonicClock } from '../../src/cache/clock.js';
import { tuning } from '../../src/cache/policies.js';
import { redisUrl } from '../harness/redis.js';
import { type Service, startService } from '../harness/service.js';
import { countStatements, type StatementCount } from '../harness/statements.js';
import { type Instance, lamp, openShop, type Shop } from './open-shop.js';
import { openRedis, untilCalm } from './shared-redis.js';

const shared = openRedis();
let shop: Shop;
let elsewhere: Instance;
let statements: StatementCount;

beforeAll(async () => {
  // Whoever has waited in vain for the one who loads would load as well: right, and not what is counted here.
  Object.assign(tuning, { waitMs: 10_000, lockMs: 10_000 });
  shop = await openShop();
  elsewhere = await shop.instance(null, monotonicClock, null);
});
beforeEach(() => {
  statements = countStatements();
});
afterEach(() => {
  statements.stop();
});
afterAll(async () => {
  await shop.close();
  await shared.close();
});

describe('1,000 concurrent reads of one cold product over two instances', () => {
  it('cause exactly one load', async () => {
    await elsewhere.admin.create(lamp('hot', 1234));
    const open = async () => shop.instance(await shared.connect(), monotonicClock);
    const [here, there] = [await open(), await open()];
    statements.reset();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => (i % 2 ? here : there).products.findBySlug('hot', undefined)));
    expect(statements.of('product_documents')).toBe(1);
    expect(statements.of('product_versions')).toBe(2);
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'product', etag: expect.stringMatching(/^"1\.1\d{15}"$/) });
    await Promise.all([here.close(), there.close()]);
  });

  it('cause exactly one load over HTTP', async () => {
    await elsewhere.admin.create(lamp('hotter', 4321));
    const [here, there] = [await start(), await start()];
    statements.reset();
    const answers = await burst(Array.from({ length: 1000 }, (_, i) => `${(i % 2 ? here : there).url}/v1/products/hotter`));
    expect(statements.of('product_documents')).toBe(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(JSON.parse(answers[0]?.body ?? '')).toMatchObject({ variants: [{ price: { amount: 4321 } }] });
    await Promise.all([here.close(), there.close()]);
  });
});

async function start(): Promise<Service> {
  const service = await startService(shop.url, { redisUrl: redisUrl() });
  await untilCalm(service.fastify.redis);
  return service;
}

/** All at once, from a thread of its own: the services have this one to themselves. */
function burst(urls: string[]): Promise<{ status: number; body: string }[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./burst.mjs', import.meta.url), { workerData: { urls } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
