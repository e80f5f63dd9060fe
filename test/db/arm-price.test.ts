import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ArmedPrice, WriteWork } from '../../src/catalog/ports.js';
import type { PriceChange } from '../../src/catalog/product-input.js';
import { armMessage, blockChannel } from '../../src/db/channels.js';
import { createDatabase, type Database } from '../../src/db/client.js';
import { inTurn } from '../../src/db/one-message.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

let catalog: Catalog;
let listener: pg.Client;
const catalogId = randomUUID();
const heard: string[] = [];
beforeAll(async () => {
  catalog = await openCatalog();
  await catalog.rows('CREATE TABLE note (text text)');
  listener = new pg.Client({ connectionString: catalog.url });
  await listener.connect();
  listener.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await listener.query(`LISTEN ${blockChannel(catalogId)}`);
});
afterAll(async () => {
  await listener.end();
  await catalog.close();
});

const round = () => ({ token: randomUUID(), writer: randomUUID() });
const sample = () => product(`läuf"er-${randomUUID()}`, { variants: [variant({ prices: [{ ...usd(100), compareAt: 150 }] })] });
let state: ReturnType<typeof sample>;
let variantId: string;
beforeEach(async () => {
  state = sample();
  variantId = state.variants[0]?.id ?? '';
  await catalog.save(state);
  heard.length = 0;
});
const blocks = async (token: string) =>
  (await catalog.rows('SELECT key FROM block WHERE token = $1 ORDER BY key', [token])).map((row) => row['key'] as string);

describe.each([
  ['straight', false],
  ['through a pooler', true],
])('a price that is looked at and armed in one go, %s', (_, isPooled) => {
  let db: Database;
  beforeEach(() => {
    db = createDatabase({ url: catalog.url, max: 1, isPooled });
  });
  afterEach(() => db.close());
  /** Without the transaction that may have begun behind it. */
  const arm = async (made: ReturnType<typeof round>, change: PriceChange, of = variantId) => {
    const save: WriteWork<null> = async (tx) => ({ value: null, documents: [(await tx.setPrice(of, change, made.token)).document] });
    const { begun, ...answer } = (await createProductWrites(db, catalogId).armPrice(made, of, change, save)) as ArmedPrice<null>;
    begun?.drop();
    return answer;
  };

  it('gives what stands, blocks the product by id and slug, tells everybody, and gives the registry', async () => {
    const made = round();
    const keys = [`id:${state.id}`, `slug:${state.slug}`];
    const { stands, armed } = await arm(made, { currency: 'USD', amount: 200 });
    expect(stands).toEqual({ productId: state.id, slug: state.slug, version: 1, price: { ...usd(100), compareAt: 150 } });
    expect(armed).toEqual({ pair: armed?.look.pair, look: { pair: expect.stringMatching(/^\d{8}\//), isSettled: true, instances: [] } });
    expect(await blocks(made.token)).toEqual(keys);
    await listener.query('SELECT 1');
    expect(heard.map((said) => said.replaceAll(', "', ',"'))).toEqual([armMessage(made.token, made.writer, keys)]);
  });

  it.each<[string, Omit<PriceChange, 'currency'>, boolean]>([
    ['the amount that stands', { amount: 100 }, false],
    ['both that stand', { amount: 100, compareAt: 150 }, false],
    ['another amount', { amount: 101 }, true],
    ['another old price', { amount: 100, compareAt: 160 }, true],
    ['no old price any more', { amount: 100, compareAt: null }, true],
  ])('is armed only where it changes: %s', async (_title, change, isArmed) => {
    const made = round();
    const { stands, armed } = await arm(made, { currency: 'USD', ...change });
    expect([stands?.price?.amount, armed !== null, (await blocks(made.token)).length]).toEqual([100, isArmed, isArmed ? 2 : 0]);
  });

  it('is armed in a currency that has none yet, and not for a variant that is unknown or none', async () => {
    expect(await arm(round(), { currency: 'EUR', amount: 100 })).toMatchObject({ stands: { price: null }, armed: { pair: expect.any(String) } });
    for (const unknown of [randomUUID(), "'; DROP TABLE price; --"]) {
      expect(await arm(round(), { currency: 'USD', amount: 1 }, unknown)).toEqual({ stands: null, armed: null });
    }
    expect(await catalog.rows('SELECT 1 AS one FROM block')).not.toEqual([]);
    await catalog.rows('DELETE FROM block');
  });

  it('is a transaction of its own, which has committed before the registry is read', async () => {
    const insert = { statement: { name: 'note_insert', text: 'INSERT INTO note VALUES ($1)' }, values: ['seen'] };
    const look = {
      statement: { name: 'note_status', text: `SELECT pg_xact_status(max(xmin::text::bigint)::text::xid8) AS status FROM note` },
      values: [],
    };
    expect((await inTurn(db.pool, [insert, look]))[1]).toEqual([{ status: 'committed' }]);
  });

  it('is refused, with nothing sent, where no connection comes free', async () => {
    const held = await db.pool.connect();
    const made = round();
    expect(await arm(made, { currency: 'USD', amount: 200 })).toEqual({ refused: expect.objectContaining({ code: 'database_unavailable' }) });
    held.release();
    expect(await blocks(made.token)).toEqual([]);
  });

  it('refuses two statements under one name, where that would run the first one twice', async () => {
    const one = { statement: { name: 'same', text: 'SELECT 1 AS one' }, values: [] };
    const two = { statement: { name: 'same', text: 'SELECT 2 AS two' }, values: [] };
    if (isPooled) expect((await inTurn(db.pool, [one, two]))[1]).toEqual([{ two: 2 }]);
    else await expect(inTurn(db.pool, [one, two])).rejects.toThrow('two statements have the name same');
  });

  it('leaves a connection that can be used where it fails', async () => {
    const fails = { statement: { name: 'division', text: 'SELECT 1 / $1::int AS quotient' }, values: [0] };
    const works = { statement: { name: 'one', text: 'SELECT 1 AS one' }, values: [] };
    const backend = async () => (await db.pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const before = await backend();
    await expect(inTurn(db.pool, [fails, works])).rejects.toMatchObject({ code: 'unusable' });
    await expect(inTurn(db.pool, [works, fails])).rejects.toMatchObject({ code: 'unusable' });
    expect((await inTurn(db.pool, [works, works]))[1]).toEqual([{ one: 1 }]);
    expect(await backend()).toBe(before);
  });
});
