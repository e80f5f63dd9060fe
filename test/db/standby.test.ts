import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProductWrites } from '../../src/catalog/ports.js';
import { createDatabase, type Database } from '../../src/db/client.js';
import { createInventoryReads } from '../../src/db/inventory.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createQuoteReads } from '../../src/db/quotes.js';
import { createOpenSession } from '../../src/db/truth-session.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

// A connection that says of itself that it leads to a standby: a function of the same name stands before Postgres' own. A pooler may put a connection
// there after it was looked at, which is why statements have to look themselves.
let catalog: Catalog;
let standby: Database;
const sku = 'SKU-STANDBY';
const state = product('on-a-standby', { variants: [variant({ sku, prices: [usd(100)] })] });
const variantId = state.variants[0]?.id ?? '';
const unavailable = { code: 'database_unavailable' };

function urlOfStandby(): string {
  const url = new URL(catalog.url);
  url.searchParams.set('options', '-c search_path=standby,public,pg_catalog');
  return url.href;
}

beforeAll(async () => {
  catalog = await openCatalog();
  await catalog.save(state);
  await catalog.rows('CREATE SCHEMA standby');
  await catalog.rows(`CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`);
  standby = createDatabase({ url: urlOfStandby(), max: 2 });
  // As if they had been looked at when they led to the primary.
  (standby.pool.options as { verify?: unknown }).verify = (_: unknown, done: () => void) => done();
});
afterAll(async () => {
  await standby.close();
  await catalog.close();
});

describe('a statement that has come to a standby', () => {
  it('would be answered by the primary: the same questions there', async () => {
    const reads = createProductReads(catalog.db);
    expect((await reads.versions(['slug:on-a-standby'])).size).toBe(1);
    expect(await reads.state(state.id)).not.toBeNull();
    expect(await reads.variantPrice(variantId, 'USD')).not.toBeNull();
    expect((await createQuoteReads(catalog.db).variants([variantId], 'USD')).size).toBe(1);
    expect(await reads.variantsBySku(sku, 10)).toHaveLength(1);
    expect((await reads.documents([state.id])).size).toBe(1);
    expect(await createInventoryReads(catalog.db).find(variantId)).not.toBeNull();
    for await (const batch of reads.states(10)) expect(batch).toHaveLength(1);
  });

  it('is no answer: of versions, states, documents, prices, SKUs, stock, quotes and the export', async () => {
    const reads = createProductReads(standby);
    await expect(reads.versions(['slug:on-a-standby'])).rejects.toMatchObject(unavailable);
    await expect(reads.versions(['slug:unknown'])).rejects.toMatchObject(unavailable);
    await expect(reads.state(state.id)).rejects.toMatchObject(unavailable);
    await expect(reads.variantPrice(variantId, 'USD')).rejects.toMatchObject(unavailable);
    await expect(createQuoteReads(standby).variants([variantId], 'USD')).rejects.toMatchObject(unavailable);
    await expect(reads.documents([state.id])).rejects.toMatchObject(unavailable);
    for (const known of [sku, 'unknown']) await expect(reads.variantsBySku(known, 10)).rejects.toMatchObject(unavailable);
    for (const known of [variantId, randomUUID()]) await expect(createInventoryReads(standby).find(known)).rejects.toMatchObject(unavailable);
    await expect(reads.states(10)[Symbol.asyncIterator]().next()).rejects.toMatchObject(unavailable);
  });

  it('does not say that a price stands already', async () => {
    const armPrice = (db: Database): ReturnType<ProductWrites['armPrice']> =>
      createProductWrites(db, randomUUID()).armPrice(
        { token: randomUUID(), writer: randomUUID() },
        variantId,
        { currency: 'USD', amount: 100 },
        () => {
          throw new Error('not to be done');
        },
      );
    expect(await armPrice(catalog.db)).toMatchObject({ stands: { price: { amount: 100 } }, armed: null });
    await expect(armPrice(standby)).rejects.toMatchObject(unavailable);
  });
});

describe('a connection to a standby', () => {
  it('is refused by the pool', async () => {
    const db = createDatabase({ url: urlOfStandby(), max: 1 });
    await expect(createProductReads(db).documents([state.id])).rejects.toMatchObject(unavailable);
    await db.close();
  });

  it('ends the session of a lease with its first look', async () => {
    const ends: Error[] = [];
    const events = { onArm() {}, onRelease() {}, onAck() {}, onEnd: (error: Error) => void ends.push(error) };
    const open = (url: string) => createOpenSession({ url, catalogId: randomUUID(), answerMs: 900 })(randomUUID(), events);
    const session = await open(urlOfStandby());
    await expect(session.look()).rejects.toThrow('standby');
    expect(ends.map(({ message }) => message)).toEqual(['the database is a standby']);
    const primary = await open(catalog.url);
    expect((await primary.look()).pair).toMatch(/^\d{8}\//);
    primary.close();
  });
});
