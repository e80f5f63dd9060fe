import pg from 'pg';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProductState } from '../../src/catalog/product-state.js';
import { type Catalog, openCatalog, recordOf } from './open-catalog.js';
import { product, richProduct, usd, variant } from './sample-product.js';

let catalog: Catalog;
let state: ProductState;
let before: string;

/** Two products that use every table, with room for one more row in each. */
beforeAll(async () => {
  catalog = await openCatalog();
  state = richProduct('rich');
  await catalog.save(state, product('sparse', { options: [{ name: 'Material', values: ['oak'] }] }));
  await catalog.rows(`INSERT INTO category (id, slug, title) VALUES ($1, 'empty', 'Empty')`, [newId()]);
  await catalog.rows(`INSERT INTO brand (id, name) VALUES ($1, 'Unused')`, [newId()]);
  before = await shown();
});
afterAll(() => catalog.close());

/** Everything that the two products show, and their versions. */
async function shown(): Promise<string> {
  const { rows } = await catalog.db.pool.query<{ id: string }>('SELECT id FROM product ORDER BY id');
  const documents = await catalog.reads.documents(rows.map(({ id }) => id));
  return JSON.stringify([
    [...documents.values()],
    await catalog.rows('SELECT * FROM slug_history ORDER BY slug'),
    await catalog.rows('SELECT * FROM variant ORDER BY id'),
  ]);
}

const refusal = (table: string) => ({
  code: 'TT003',
  message: `table ${table} may only be changed by Truetag, or shops would go on showing the old price`,
  hint: expect.stringMatching(/\/v1\/admin\/.*npm run import/),
});

const statements: Record<string, { INSERT: string; UPDATE: string; DELETE: string }> = {
  product: {
    INSERT: `INSERT INTO product (id, slug, title, last_token) VALUES (gen_random_uuid(), 'raw', 'Raw', gen_random_uuid())`,
    UPDATE: `UPDATE product SET title = 'Raw'`,
    DELETE: 'DELETE FROM product',
  },
  slug_history: {
    INSERT: `INSERT INTO slug_history (slug, product_id) SELECT 'raw', id FROM product LIMIT 1`,
    UPDATE: `UPDATE slug_history SET product_id = (SELECT id FROM product WHERE slug = 'sparse')`,
    DELETE: 'DELETE FROM slug_history',
  },
  variant: {
    INSERT: `INSERT INTO variant (id, product_id, title, position) SELECT gen_random_uuid(), id, 'Raw', 9 FROM product`,
    UPDATE: 'UPDATE variant SET available = NOT available',
    DELETE: 'DELETE FROM variant',
  },
  product_option: {
    INSERT: `INSERT INTO product_option (id, product_id, name, position) SELECT gen_random_uuid(), id, 'Raw', 9 FROM product`,
    UPDATE: `UPDATE product_option SET name = name || ' raw'`,
    DELETE: 'DELETE FROM product_option',
  },
  product_category: {
    INSERT: `INSERT INTO product_category (product_id, category_id, position) SELECT p.id, c.id, 9 FROM product p, category c WHERE c.slug = 'empty'`,
    UPDATE: 'UPDATE product_category SET position = position + 1',
    DELETE: 'DELETE FROM product_category',
  },
  product_tag: {
    INSERT: `INSERT INTO product_tag (product_id, tag, position) SELECT id, 'raw', 9 FROM product`,
    UPDATE: `UPDATE product_tag SET tag = tag || ' raw'`,
    DELETE: 'DELETE FROM product_tag',
  },
  media: {
    INSERT: `INSERT INTO media (id, product_id, url, position) SELECT gen_random_uuid(), id, '/raw.svg', 9 FROM product`,
    UPDATE: `UPDATE media SET alt = 'raw'`,
    DELETE: 'DELETE FROM media',
  },
  price: {
    INSERT: `INSERT INTO price (id, variant_id, currency, amount) SELECT gen_random_uuid(), id, 'SEK', 1 FROM variant`,
    UPDATE: 'UPDATE price SET amount = amount + 1',
    DELETE: 'DELETE FROM price',
  },
  variant_option: {
    INSERT: `
      INSERT INTO variant_option (variant_id, option_id, value)
      SELECT v.id, o.id, 'raw' FROM variant v JOIN product p ON p.id = v.product_id JOIN product_option o ON o.product_id = p.id WHERE p.slug = 'sparse'`,
    UPDATE: `UPDATE variant_option SET value = 'raw'`,
    DELETE: 'DELETE FROM variant_option',
  },
};
const cases = Object.entries(statements).flatMap(([table, by]) => Object.entries(by).map(([event, sql]) => [event, table, sql] as const));

describe('SQL behind our back', () => {
  it.each(cases)('is refused: %s on %s', async (_, table, sql) => {
    await expect(catalog.rows(sql)).rejects.toMatchObject(refusal(table));
    expect(await shown()).toBe(before);
  });

  it.each(cases)('would have changed something: %s on %s', async (_, __, sql) => {
    const cover = 'INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())';
    expect((await inTransaction(cover, sql, 'ROLLBACK')).at(-2)?.rowCount).toBeGreaterThan(0);
  });

  it.each([...Object.keys(statements), 'brand', 'category'])('is refused: TRUNCATE of %s', async (table) => {
    await expect(catalog.rows(`TRUNCATE ${table} CASCADE`)).rejects.toMatchObject({
      code: 'TT003',
      hint: expect.stringMatching(/\/v1\/admin\/.*npm run import/),
    });
    expect(await shown()).toBe(before);
  });

  it('is refused: COPY into a table', async () => {
    const rows = [`${newId()}\t${state.variants[0]?.id}\tSEK\t1\n`];
    await expect(copyIn('price (id, variant_id, currency, amount)', rows)).rejects.toMatchObject(refusal('price'));
    expect(await shown()).toBe(before);
    await copyIn('brand (id, name)', [`${newId()}\tCopied\n`]);
    expect(await catalog.rows(`SELECT name FROM brand WHERE name = 'Copied'`)).toHaveLength(1);
  });

  it.each([
    ['a writable CTE', 'WITH cut AS (UPDATE price SET amount = 1 RETURNING id) SELECT * FROM cut', 'price'],
    ['a writable CTE beside what is allowed', 'WITH cut AS (DELETE FROM price RETURNING id) UPDATE inventory SET quantity = 1', 'price'],
    ['MERGE', 'MERGE INTO price p USING variant v ON v.id = p.variant_id WHEN MATCHED THEN UPDATE SET amount = 1', 'price'],
    [
      'INSERT ... ON CONFLICT DO UPDATE',
      `INSERT INTO price (id, variant_id, currency, amount) SELECT gen_random_uuid(), variant_id, currency, 1 FROM price
       ON CONFLICT (variant_id, currency) DO UPDATE SET amount = excluded.amount`,
      'price',
    ],
    ['a DO block', 'DO $$ BEGIN UPDATE price SET amount = 1; END $$', 'price'],
    [
      'a price that is moved to another variant',
      `UPDATE price SET variant_id = (SELECT id FROM variant WHERE title = 'S / Red') WHERE currency = 'EUR'`,
      'price',
    ],
    ['a cascade from a brand', `UPDATE brand SET id = gen_random_uuid() WHERE name = 'Brick & Co'`, 'product'],
    ['a cascade from a category', 'UPDATE category SET id = gen_random_uuid()', 'product_category'],
  ])('is refused: %s', async (_, sql, table) => {
    await expect(catalog.rows(sql)).rejects.toMatchObject({ code: 'TT003', message: expect.stringContaining(`table ${table} `) });
    expect(await shown()).toBe(before);
  });

  it('is refused for a role that may do everything else', async () => {
    const grants = 'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO erp_of_this_test';
    const change = inTransaction('CREATE ROLE erp_of_this_test', grants, 'SET LOCAL ROLE erp_of_this_test', 'UPDATE price SET amount = 1', 'COMMIT');
    await expect(change).rejects.toMatchObject(refusal('price'));
    expect(await shown()).toBe(before);
  });
});

describe('the cover of a write', () => {
  const rich = () => [`id:${state.id}`, 'slug:rich'];
  const ofRich = `variant_id IN (SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id WHERE p.slug = 'rich')`;

  it('lets its own product be changed, and no other', async () => {
    await expect(covered(rich(), 'UPDATE product SET available = available')).rejects.toMatchObject(refusal('product'));
    await expect(covered([], `UPDATE price SET amount = 4 WHERE ${ofRich}`)).rejects.toMatchObject(refusal('price'));
    expect(await shown()).toBe(before);
    await covered(rich(), `UPDATE price SET amount = 4 WHERE ${ofRich}`);
    const document = (await catalog.reads.documents([state.id])).get(state.id);
    expect(recordOf(document)).toMatchObject({ version: 2, variants: [{ prices: { USD: { amount: 4 } } }, { prices: { USD: { amount: 4 } } }] });
    before = await shown();
  });

  it('ends with its transaction', async () => {
    await expect(catalog.rows(`UPDATE price SET amount = 5 WHERE ${ofRich}`)).rejects.toMatchObject(refusal('price'));
  });

  it('is gone where the beginning was taken back', async () => {
    const { token, keyCount } = await catalog.arm(...rich());
    const begin = [`SAVEPOINT here`, `SELECT begin_write('${token}', ${keyCount})`, 'ROLLBACK TO here'];
    await expect(inTransaction(...begin, `UPDATE price SET amount = 5 WHERE ${ofRich}`, 'COMMIT')).rejects.toMatchObject(refusal('price'));
  });

  it('reaches into a part of the transaction that is taken back by itself', async () => {
    await covered(rich(), 'SAVEPOINT here', `UPDATE price SET amount = 4 WHERE ${ofRich}`, 'RELEASE here');
    before = await shown();
  });

  it('is not that of an earlier transaction which had the same number, as after a restore on another server', async () => {
    const forged = `INSERT INTO write_log (token, covers_all, xid, at) VALUES (gen_random_uuid(), true, pg_current_xact_id(), now() - interval '1 hour')`;
    for (const [sql, table] of [
      ['UPDATE price SET amount = 5', 'price'],
      ['DELETE FROM slug_history', 'slug_history'],
    ] as const) {
      await expect(inTransaction(forged, sql, 'COMMIT')).rejects.toMatchObject(refusal(table));
    }
    expect(await shown()).toBe(before);
  });

  it.each([
    ['takes', `UPDATE product SET slug = 'taken' WHERE slug = 'rich'`, ['slug:rich'], 'taken'],
    [
      'takes into the history',
      `INSERT INTO slug_history (slug, product_id) SELECT 'taken', id FROM product WHERE slug = 'rich'`,
      ['slug:rich'],
      'taken',
    ],
    ['gives up in the history', `DELETE FROM slug_history WHERE slug = 'a-lamp'`, ['slug:rich'], 'a-lamp'],
  ])('holds every slug that a write %s', async (_, sql, slugs, stray) => {
    await expect(covered([`id:${state.id}`, ...slugs], sql)).rejects.toMatchObject({ code: 'TT002', message: expect.stringContaining(` ${stray} `) });
    expect(await shown()).toBe(before);
  });
});

describe('the names of brands and categories', () => {
  it.each([
    ['brand', `UPDATE brand SET name = 'Renamed' WHERE name = 'Brick & Co'`],
    ['category', `UPDATE category SET title = 'Renamed' WHERE slug = 'lamps'`],
    ['category', `UPDATE category SET slug = 'renamed' WHERE slug = 'lamps'`],
  ])('stand where products show them: %s', async (table, sql) => {
    await expect(catalog.rows(sql)).rejects.toMatchObject(refusal(table));
    expect(await shown()).toBe(before);
  });

  it('may change where no product shows them', async () => {
    await catalog.rows(`UPDATE brand SET name = 'Renamed' WHERE name = 'Unused'`);
    await catalog.rows(`UPDATE category SET title = 'Renamed', slug = 'renamed' WHERE slug = 'empty'`);
    await catalog.rows(`UPDATE category SET parent_id = (SELECT id FROM category WHERE slug = 'renamed') WHERE slug = 'gifts'`);
    expect(await shown()).toBe(before);
  });

  it('change in a write of the products that show them', async () => {
    await covered([`id:${state.id}`, 'slug:rich'], `UPDATE brand SET name = 'Renamed & Co' WHERE name = 'Brick & Co'`);
    expect(recordOf((await catalog.reads.documents([state.id])).get(state.id)).brand).toBe('Renamed & Co');
    before = await shown();
  });
});

describe('stock', () => {
  it('may be changed by anybody: no document shows it', async () => {
    expect((await catalog.db.pool.query('UPDATE inventory SET quantity = quantity - 1')).rowCount).toBeGreaterThan(0);
    await catalog.rows('DELETE FROM inventory');
    await catalog.rows('INSERT INTO inventory (variant_id, quantity) SELECT id, 5 FROM variant');
    await catalog.rows('TRUNCATE inventory');
    expect(await shown()).toBe(before);
  });
});

describe('a product that is covered', () => {
  it('can be deleted with all that belongs to it', async () => {
    const gone = { ...richProduct('gone'), previousSlugs: ['gone-before'], variants: [variant({ prices: [usd(1)] })] };
    await catalog.save(gone);
    await covered([`id:${gone.id}`, 'slug:gone', 'slug:gone-before'], `DELETE FROM product WHERE slug = 'gone'`);
    expect(await catalog.stateOf(gone.id)).toBeUndefined();
    expect(await shown()).toBe(before);
  });
});

/** On one connection, which is clean afterwards. Gives what each statement gave. */
async function inTransaction(...sql: string[]): Promise<pg.QueryResult[]> {
  const client = await catalog.db.pool.connect();
  try {
    return [await client.query(['BEGIN', ...sql].join('; '))].flat();
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

/** In one transaction that begins with `begin_write` for these keys. */
async function covered(keys: string[], ...sql: string[]): Promise<void> {
  const { token, keyCount } = await catalog.arm(...keys);
  await inTransaction(`SELECT begin_write('${token}', ${keyCount})`, ...sql, 'COMMIT');
}

/** COPY FROM STDIN, as psql and pg_restore send it. */
async function copyIn(target: string, lines: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: catalog.url });
  await client.connect();
  try {
    await new Promise<void>((resolve, reject) => {
      type Wire = { query(sql: string): void; sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void };
      let fault: Error | undefined;
      const copying = {
        submit: (wire: Wire) => wire.query(`COPY ${target} FROM STDIN`),
        handleCopyInResponse(wire: Wire) {
          wire.sendCopyFromChunk(Buffer.from(lines.join('')));
          wire.endCopyFrom();
        },
        handleCommandComplete: () => {},
        handleError: (error: Error) => {
          fault = error;
          reject(error);
        },
        handleReadyForQuery: () => (fault ? reject(fault) : resolve()),
      };
      client.query(copying as unknown as pg.Submittable);
    });
  } finally {
    await client.end();
  }
}
