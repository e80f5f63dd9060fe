import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Armed } from '../../src/cache/truth-ports.js';
import { createDatabase } from '../../src/db/client.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

const made = () => product(`lamp-${randomUUID()}`, { variants: [variant({ prices: [usd(100)] })] });
let state: ReturnType<typeof made>;
let variantId: string;
beforeEach(async () => {
  state = made();
  variantId = state.variants[0]?.id ?? '';
  await catalog.save(state);
});
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const price = async () => Number((await catalog.rows('SELECT amount FROM price WHERE variant_id = $1', [variantId]))[0]?.['amount']);
/** In this catalog. */
const waitingForLocks = `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
const isLocked = async () => (await catalog.rows('SELECT id FROM product WHERE id = $1 FOR UPDATE SKIP LOCKED', [state.id])).length === 0;

/** An eager write of the price, the way the price service makes it, and what lets its readers pass or fail. */
async function begin(writes = createProductWrites(catalog.db, randomUUID())) {
  let pass = () => {};
  let fail = (_: Error) => {};
  const readers = new Promise<void>((resolve, reject) => {
    pass = resolve;
    fail = reject;
  });
  readers.catch(() => {});
  const armed: Armed = { ...(await catalog.arm(`id:${state.id}`, `slug:${state.slug}`)), readers };
  let runs = 0;
  const ended = writes.transaction(
    armed,
    async (tx) => {
      runs += 1;
      const { document } = await tx.setPrice(variantId, usd(200), armed.token);
      return { value: document.version, documents: [document] };
    },
    { isEager: true },
  );
  return { ended, pass, fail, runs: () => runs };
}

describe('a transaction that begins before its readers have answered', () => {
  it.each([
    ['straight', false],
    ['through a pooler', true],
  ])('has done its work by then, and commits when they have, %s', async (_, isPooled) => {
    const db = createDatabase({ url: catalog.url, max: 1, isPooled });
    closing.push(() => db.close());
    const { ended, pass, runs } = await begin(createProductWrites(db, randomUUID()));
    await expect.poll(isLocked).toBe(true);
    expect(await price()).toBe(100);
    pass();
    expect(await ended).toMatchObject({ value: 2, isKnown: true });
    expect([await price(), runs()]).toEqual([200, 1]);
  });

  it('would be seen to commit without them: the same look, with readers that have answered', async () => {
    const { ended, pass } = await begin();
    pass();
    await ended;
    expect(await price()).toBe(200);
  });

  it('lets go of its locks where they take long, and does its work again when they have answered', async () => {
    const { ended, pass, runs } = await begin();
    await expect.poll(isLocked).toBe(true);
    await expect.poll(isLocked).toBe(false);
    expect([await price(), runs()]).toEqual([100, 1]);
    pass();
    expect(await ended).toMatchObject({ value: 2, isKnown: true });
    expect([await price(), runs()]).toEqual([200, 2]);
  });

  it('asks again for a lock that did not come free while they took long', async () => {
    const { pool } = catalog.db;
    const rival = await pool.connect();
    await rival.query('BEGIN');
    await rival.query('SELECT id FROM product WHERE id = $1 FOR UPDATE', [state.id]);
    const { ended, pass, runs } = await begin();
    await expect.poll(async () => (await catalog.rows(waitingForLocks)).length, { timeout: 500 }).toBe(1);
    await expect.poll(async () => (await catalog.rows(waitingForLocks)).length, { timeout: 2000 }).toBe(0);
    await rival.query('ROLLBACK');
    rival.release();
    pass();
    expect(await ended).toMatchObject({ value: 2, isKnown: true });
    expect([await price(), runs()]).toEqual([200, 2]);
  });

  it('waits for them without a connection, for a while after some were late', async () => {
    const writes = createProductWrites(catalog.db, randomUUID());
    const first = await begin(writes);
    await expect.poll(isLocked).toBe(true);
    await expect.poll(isLocked).toBe(false);
    first.pass();
    await first.ended;
    const second = await begin(writes);
    await catalog.rows('SELECT pg_sleep(0.05)');
    expect([second.runs(), await isLocked()]).toEqual([0, false]);
    second.pass();
    expect(await second.ended).toMatchObject({ value: 3, isKnown: true });
    expect(second.runs()).toBe(1);
  });

  it('leaves a connection to others, however many there are whose readers are silent', async () => {
    const db = createDatabase({ url: catalog.url, max: 3, applicationName: 'crowd' });
    closing.push(() => db.close());
    const writes = createProductWrites(db, randomUUID());
    const states = Array.from({ length: 12 }, made);
    await catalog.save(...states);
    let pass = () => {};
    const readers = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const crowd = await Promise.all(
      states.map(async (one) => {
        const armed: Armed = { ...(await catalog.arm(`id:${one.id}`, `slug:${one.slug}`)), readers };
        return () =>
          writes.transaction(
            armed,
            async (tx) => {
              const { document } = await tx.setPrice(one.variants[0]?.id ?? '', usd(200), armed.token);
              return { value: document.version, documents: [document] };
            },
            { isEager: true },
          );
      }),
    );
    const ended = Promise.all(crowd.map((write) => write()));
    const waiting = `SELECT 1 AS one FROM pg_stat_activity WHERE application_name = 'crowd' AND state = 'idle in transaction'`;
    await expect.poll(async () => (await catalog.rows(waiting)).length).toBe(2);
    expect((await db.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await expect.poll(async () => (await catalog.rows(waiting)).length).toBe(0);
    pass();
    expect((await ended).map(({ value }) => value)).toEqual(states.map(() => 2));
  });

  it('is rolled back where the write is over before they have answered', async () => {
    const { ended, fail } = await begin();
    await expect.poll(isLocked).toBe(true);
    const over = new Error('the write is over');
    fail(over);
    await expect(ended).rejects.toBe(over);
    expect([await price(), await isLocked()]).toEqual([100, false]);
  });
});

describe('a transaction that begins with what arms it', () => {
  /** A price change as the service makes it, up to where its readers are waited for. */
  async function lead(amount: number, writes = createProductWrites(catalog.db, catalog.catalogId), currency = 'USD') {
    const round = { token: randomUUID(), writer: randomUUID() };
    let runs = 0;
    const change = { currency, amount };
    const answer = await writes.armPrice(round, variantId, change, async (tx) => {
      runs += 1;
      const { document } = await tx.setPrice(variantId, change, round.token);
      return { value: document.version, documents: [document] };
    });
    if ('refused' in answer) throw answer.refused;
    let pass = () => {};
    let fail = (_: Error) => {};
    const readers = new Promise<void>((resolve, reject) => {
      pass = resolve;
      fail = reject;
    });
    readers.catch(() => {});
    const commit = () => answer.begun?.commit({ token: round.token, keyCount: 2, pair: answer.armed?.pair ?? '', readers });
    return { ...answer, token: round.token, commit, pass, fail, runs: () => runs };
  }
  const blocks = async (token: string) => (await catalog.rows('SELECT key FROM block WHERE token = $1', [token])).length;

  it('has done its work when the blocks are known to stand, and commits when the readers have answered', async () => {
    const { stands, armed, token, commit, pass, runs } = await lead(200);
    expect([stands?.price?.amount, armed?.look.pair === armed?.pair, await blocks(token), runs(), await isLocked()]).toEqual([100, true, 2, 1, true]);
    const ended = commit();
    await catalog.rows('SELECT pg_sleep(0.05)');
    expect([await price(), await isLocked()]).toEqual([100, true]);
    pass();
    expect(await ended).toMatchObject({ value: 2, isKnown: true, documents: [{ version: 2, token }] });
    expect([await price(), await blocks(token), runs()]).toEqual([200, 0, 1]);
  });

  it('is done again where they take long, without the locks meanwhile', async () => {
    const { commit, pass, runs } = await lead(200);
    const ended = commit();
    await expect.poll(isLocked).toBe(false);
    expect(await price()).toBe(100);
    pass();
    expect(await ended).toMatchObject({ value: 2, isKnown: true });
    expect([await price(), runs()]).toEqual([200, 2]);
  });

  it('is nothing where the price stands already: neither blocks nor locks, and the connection is free again', async () => {
    const db = createDatabase({ url: catalog.url, max: 1 });
    closing.push(() => db.close());
    const { stands, armed, begun, token } = await lead(100, createProductWrites(db, catalog.catalogId));
    expect([stands?.price?.amount, armed, begun, await blocks(token)]).toEqual([100, null, null, 0]);
    await expect.poll(isLocked).toBe(false);
    expect((await db.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect((await catalog.stateOf(state.id))?.variants[0]?.prices).toEqual([usd(100)]);
  });

  it.each(['drop', 'fail'] as const)('is rolled back where the write is over: %s', async (how) => {
    const { begun, token, commit, fail } = await lead(200);
    const over = new Error('the write is over');
    if (how === 'drop') begun?.drop();
    else {
      const ended = commit();
      fail(over);
      await expect(ended).rejects.toBe(over);
    }
    await expect.poll(isLocked).toBe(false);
    expect([await price(), await blocks(token)]).toEqual([100, 2]);
  });

  it('is not waited for where the product is locked: the write is begun anew, and then waits for its readers first', async () => {
    const writes = createProductWrites(catalog.db, catalog.catalogId);
    const rival = await catalog.db.pool.connect();
    await rival.query('BEGIN');
    await rival.query('SELECT id FROM product WHERE id = $1 FOR UPDATE', [state.id]);
    await expect(lead(200, writes)).rejects.toMatchObject({ code: 'keys_moved' });
    const second = await lead(200, writes);
    expect([second.begun, second.armed?.pair, second.runs()]).toEqual([null, expect.any(String), 0]);
    await rival.query('ROLLBACK');
    rival.release();
  });

  it('sets the first price in a currency, with its range', async () => {
    const { stands, commit, pass } = await lead(300, undefined, 'EUR');
    pass();
    expect([stands?.price, (await commit())?.value]).toEqual([null, 2]);
    expect(await catalog.rows('SELECT min_amount::int AS low FROM product_price_range WHERE product_id = $1 ORDER BY currency', [state.id])).toEqual([
      { low: 300 },
      { low: 100 },
    ]);
  });

  it('is never said to stand where its connection was lost before COMMIT was sent', async () => {
    const db = createDatabase({ url: catalog.url, max: 3, applicationName: 'led' });
    closing.push(() => db.close());
    const { token, commit, pass } = await lead(200, createProductWrites(db, catalog.catalogId));
    await catalog.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'led' AND state = 'idle in transaction'`);
    await expect.poll(isLocked).toBe(false);
    pass();
    // Whether the loss has been heard of by then is chance.
    const ended = await commit()?.then(
      ({ isKnown }) => isKnown,
      ({ code }: { code: string }) => code,
    );
    expect([false, 'database_unavailable']).toContain(ended);
    expect([await catalog.steps.findOutcome(token), await price()]).toEqual([false, 100]);
  });

  it('has its blocks to itself: who takes them away waits for it, and finds it committed', async () => {
    const { token, commit, pass } = await lead(200);
    const outcome = catalog.steps.findOutcome(token);
    await expect.poll(async () => (await catalog.rows(waitingForLocks)).length).toBe(1);
    pass();
    expect(await commit()).toMatchObject({ value: 2, isKnown: true });
    expect([await outcome, await price()]).toEqual([true, 200]);
  });

  it('leaves a connection to others, and one to whose turn it is', async () => {
    const db = createDatabase({ url: catalog.url, max: 3 });
    closing.push(() => db.close());
    const writes = createProductWrites(db, catalog.catalogId);
    const first = await lead(200, writes);
    const second = await lead(300, writes);
    expect([first.begun !== null, second.begun]).toEqual([true, null]);
    first.begun?.drop();
  });

  it('is not begun through a pooler', async () => {
    const db = createDatabase({ url: catalog.url, max: 2, isPooled: true });
    closing.push(() => db.close());
    const { armed, begun, runs } = await lead(200, createProductWrites(db, catalog.catalogId));
    expect([armed?.pair, begun, runs()]).toEqual([expect.any(String), null, 0]);
  });
});
