import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ArmedPrice, WriteWork } from '../../src/catalog/ports.js';
import { createDatabase, type Database } from '../../src/db/client.js';
import type * as MessageModule from '../../src/db/one-message.js';
import type * as WritesModule from '../../src/db/product-writes.js';
import { type Catalog, openCatalog } from '../db/open-catalog.js';
import { product, usd, variant } from '../db/sample-product.js';
import { bundle } from './bundle.js';
import type { Edit } from './edit.js';

// The rules that the simulation has in words of its own, because they lie in statements: each is kept by the code as it is, and missed without it.

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

// A bundle knows nothing of what the sources have prepared on a connection.
let db: Database;
beforeEach(() => {
  db = createDatabase({ url: catalog.url, max: 2 });
});
afterEach(() => db.close());

describe('a transaction of a write (W3, W4)', () => {
  /** When it is begun. */
  const ways = ['after the readers', 'early', 'with W1'] as const;

  /** The price that stands when the readers have not answered yet, and everything else has had its time. */
  async function priceBeforeReaders(how: (typeof ways)[number], edits: readonly Edit[]): Promise<number> {
    const { createProductWrites } = (await import(await bundle({ entry: 'src/db/product-writes.ts', edits }))) as typeof WritesModule;
    const state = product(`lamp-${randomUUID()}`, { variants: [variant({ prices: [usd(100)] })] });
    const variantId = state.variants[0]?.id ?? '';
    await catalog.save(state);
    let pass = () => {};
    const readers = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const writes = createProductWrites(db, catalog.catalogId);
    const save =
      (token: string): WriteWork<null> =>
      async (tx) => ({ value: null, documents: [(await tx.setPrice(variantId, usd(200), token)).document] });
    const begin = async () => {
      if (how !== 'with W1') {
        const armed = { ...(await catalog.arm(`id:${state.id}`, `slug:${state.slug}`)), readers };
        return writes.transaction(armed, save(armed.token), { isEager: how === 'early' });
      }
      const token = randomUUID();
      const { begun, armed } = (await writes.armPrice({ token, writer: token }, variantId, usd(200), save(token))) as ArmedPrice<null>;
      return begun?.commit({ token, keyCount: 2, pair: armed?.pair ?? '', readers });
    };
    const ended = begin();
    const price = async () => Number((await catalog.rows('SELECT amount FROM price WHERE variant_id = $1', [variantId]))[0]?.['amount']);
    // One that does not wait has ended long before.
    await Promise.race([ended, catalog.rows('SELECT pg_sleep($1)', [edits.length === 0 ? 0.2 : 5])]);
    const seen = await price();
    pass();
    await ended;
    expect(await price()).toBe(200);
    return seen;
  }

  it.each(ways)('does not commit before the readers have answered, begun %s', async (how) => {
    expect(await priceBeforeReaders(how, [])).toBe(100);
  });

  it.each(['early', 'with W1'] as const)(
    'shows the new price to some while others may show the old one, where it is begun %s and does not wait',
    async (how) => {
      const from = 'await Promise.race([passed, tooLong]).finally(() => clearTimeout(timer));';
      const to = 'void tooLong.catch(() => {}); void passed; void timer;';
      expect(await priceBeforeReaders(how, [{ file: 'src/db/eager-transaction.ts', from, to }])).toBe(200);
    },
  );

  it('does so where it is not begun early, either', async () => {
    expect(await priceBeforeReaders('after the readers', [{ file: 'src/db/transaction.ts', from: 'await armed.readers;', to: '' }])).toBe(200);
  });
});

describe('W1 and W2 in one message', () => {
  /** What Postgres says of the first statement's transaction when the second looks. */
  async function statusOfFirst(edits: readonly Edit[]): Promise<unknown> {
    const { inTurn } = (await import(await bundle({ entry: 'src/db/one-message.ts', edits }))) as typeof MessageModule;
    const token = randomUUID();
    const arm = { statement: { name: 'arm', text: `SELECT arm_write($1, ARRAY['id:x'], $1, 'nobody', 'nothing')` }, values: [token] };
    const look = {
      statement: { name: 'look', text: 'SELECT pg_xact_status(xmin::text::xid8) AS status FROM block WHERE token = $1' },
      values: [token],
    };
    const [, rows] = await inTurn(db.pool, [arm, look]);
    return rows[0]?.['status'];
  }

  it('are two transactions: the registry is looked at when the blocks are committed', async () => {
    expect(await statusOfFirst([])).toBe('committed');
  });

  it('would miss an instance that joins between them, where they were one', async () => {
    const edits = [
      { file: 'src/db/one-message.ts', from: `'COMMIT', 'BEGIN', second`, to: 'second' },
      { file: 'src/db/one-message.ts', from: 'answersOfTwo([, one, , , two]:', to: 'answersOfTwo([, one, two]:' },
    ];
    expect(await statusOfFirst(edits)).toBe('in progress');
  });
});
