import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countStatements, type StatementCount } from '../harness/statements.js';
import { createFakeClock, createPollingClock, type FakeClock, turns } from './fake-clock.js';
import { type Instance, lamp, openShop, type Shop } from './open-shop.js';
import { openRedis } from './shared-redis.js';

/** The clock stands still, so that no lease ends and nobody's place is taken by time: what is waited for is waited for. */
const leaseMs = 2000;
const shared = openRedis();
let shop: Shop;
let clock: FakeClock;
let statements: StatementCount;
let instances: Instance[];
let variantId: string;
let slug: string;
let made = 0;

beforeAll(async () => {
  shop = await openShop();
});
beforeEach(async () => {
  clock = createPollingClock();
  instances = [];
  slug = `lamp-${++made}`;
  const maker = await shop.instance(null, createFakeClock(), null);
  variantId = (await maker.admin.create(lamp(slug, 100))).variants[0]?.id as string;
  await maker.close();
  statements = countStatements();
});
afterEach(async () => {
  statements.stop();
  await Promise.all(instances.map((instance) => instance.close()));
  await command('DELETE FROM instance');
});
afterAll(async () => {
  await shop.close();
  await shared.close();
});

async function open(lease: number | null = leaseMs, redis: Redis | null = null): Promise<Instance> {
  const instance = await shop.instance(redis, clock, lease);
  instances.push(instance);
  return instance;
}
async function read(instance: Instance) {
  const answer = await instance.products.findBySlug(slug, undefined);
  if (answer.kind !== 'product') throw new Error(answer.kind);
  const { variants } = JSON.parse(answer.body.toString()) as { variants: { price: { amount: number } }[] };
  return { amount: variants[0]?.price.amount, outcome: answer.outcome };
}
const setPrice = (instance: Instance, amount: number) => instance.prices.setPrice(variantId, { currency: 'USD', amount }, undefined);
/** Versions asked for and documents loaded since the last look. */
function queries() {
  const sent = [statements.of('product_versions'), statements.of('product_documents')];
  statements.reset();
  return sent;
}
async function command(sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: shop.url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** A process that has joined and is heard of no more. */
const listHungInstance = () => command('SELECT join_instance($1, $2)', [randomUUID(), leaseMs]);

describe('what a read asks Postgres', () => {
  it('is nothing for a hit under the lease', async () => {
    const here = await open();
    expect((await read(here)).amount).toBe(100);
    expect(queries()).toEqual([1, 1]);
    for (let i = 0; i < 10; i += 1) expect(await read(here)).toEqual({ amount: 100, outcome: 'memory' });
    expect(queries()).toEqual([0, 0]);
  });

  it('is nothing after a price change on the same instance', async () => {
    const here = await open();
    await read(here);
    await setPrice(here, 200);
    statements.reset();
    expect(await read(here)).toEqual({ amount: 200, outcome: 'memory' });
    expect(queries()).toEqual([0, 0]);
  });

  it('is the version once after a price change on another instance, and the body comes from Redis', async () => {
    const redis = await shared.connect();
    const [here, there] = [await open(leaseMs, redis), await open(leaseMs, redis)];
    await read(there);
    await setPrice(here, 200);
    await expect.poll(() => there.cache.report().lease.blocks).toBe(0);
    statements.reset();
    expect(await read(there)).toEqual({ amount: 200, outcome: 'redis' });
    expect(await read(there)).toEqual({ amount: 200, outcome: 'memory' });
    expect(queries()).toEqual([1, 0]);
  });

  it('is the version every time where reads are validated', async () => {
    const here = await open(null);
    await read(here);
    statements.reset();
    for (let i = 0; i < 3; i += 1) expect(await read(here)).toEqual({ amount: 100, outcome: 'validated' });
    expect(queries()).toEqual([3, 0]);
  });
});

describe('an acknowledged price', () => {
  it('is shown by every instance at once, whichever wrote it, with a lease or without', async () => {
    const all = [await open(), await open(), await open(null)];
    for (let amount = 200; amount < 260; amount += 10) {
      await Promise.all(all.map(read));
      await setPrice(all[(amount / 10) % 3] as Instance, amount);
      expect((await Promise.all(all.map(read))).map((shown) => shown.amount)).toEqual([amount, amount, amount]);
    }
  });

  it('is acked by every instance that holds a lease, and by nobody else', async () => {
    const [here, there] = [await open(), await open()];
    await open(null);
    await setPrice(here, 200);
    expect(here.cache.report().writes).toMatchObject({ writes: 1, ackWaitMs: { 1: 1 } });
    expect(there.cache.report().lease).toMatchObject({ applied: 1, state: 'held' });
  });

  it('waits for an instance that does not ack until its lease has run out, and no longer', async () => {
    const here = await open();
    await listHungInstance();
    let isOver = false;
    const written = setPrice(here, 200).then(() => {
      isOver = true;
    });
    await expect.poll(() => here.cache.report().lease.blocks).toBe(1);
    expect((await read(await open(null))).amount).toBe(100);
    clock.advance(1.1 * leaseMs - 1);
    await turns(20);
    expect(isOver).toBe(false);
    clock.advance(1);
    await written;
    expect((await read(here)).amount).toBe(200);
  });

  it('is not shown before it is committed, and is not hit from a moment before', async () => {
    const here = await open();
    await read(here);
    await listHungInstance();
    const written = setPrice(here, 200);
    await expect.poll(() => here.cache.report().lease.blocks).toBe(1);
    statements.reset();
    expect(await read(here)).toMatchObject({ amount: 100 });
    expect(queries()).toEqual([1, expect.any(Number)]);
    clock.advance(1.1 * leaseMs);
    await written;
    expect((await read(here)).amount).toBe(200);
  });
});

describe('a connection of the lease that is cut', () => {
  it('leaves the instance validating when its lease has run out, and hitting when it is back', async () => {
    const here = await open();
    await read(here);
    const cut = `SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'truetag lease' AND datname = current_database()`;
    await command(cut);
    await expect.poll(() => here.cache.report().lease.isConnected).toBe(false);
    expect(await read(here)).toEqual({ amount: 100, outcome: 'memory' });
    clock.advance(leaseMs);
    await expect.poll(() => here.cache.report().lease).toMatchObject({ isConnected: true, state: 'held', joins: 2 });
    expect(await read(here)).toEqual({ amount: 100, outcome: 'validated' });
    expect(await read(here)).toEqual({ amount: 100, outcome: 'memory' });
    expect(await command('SELECT FROM instance')).toHaveLength(1);
  });
});
