import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ProductState } from '../../src/catalog/product-state.js';
import { type Catalog, openCatalog } from '../db/open-catalog.js';
import { product, usd, variant } from '../db/sample-product.js';

// The rules that lie in functions of the database: each is kept by them as the migrations leave them, and missed with a line of them taken out.

let catalog: Catalog;
let state: ProductState;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());
beforeEach(async () => {
  state = product(`lamp-${randomUUID()}`, { variants: [variant({ prices: [usd(100)] })] });
  await catalog.save(state);
});

/** The code of the failure that the database answers with, null where it lets pass. Nothing of it stays. */
async function refusalOf(...statements: string[]): Promise<string | null> {
  const client = await catalog.db.pool.connect();
  try {
    await client.query('BEGIN');
    for (const statement of statements) await client.query(statement);
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

const armed = () => catalog.arm(`id:${state.id}`, `slug:${state.slug}`);

interface Rule {
  name: string;
  /** The function that keeps it, and the edits that take it out. */
  function: string;
  edits: readonly (readonly [from: string, to: string])[];
  /** What the database says to whoever breaks it. */
  code: string;
  breach(): Promise<string | null>;
}

const rules: Rule[] = [
  {
    name: 'W4, the fence: a write whose blocks somebody has taken away does not begin',
    function: 'begin_write',
    edits: [['found_keys <> key_count', 'false']],
    code: 'TT001',
    async breach() {
      const { token } = await armed();
      await catalog.rows(`DELETE FROM block WHERE token = '${token}'`);
      return refusalOf(`SELECT begin_write('${token}', 2)`);
    },
  },
  {
    name: 'W4: a product whose slug was changed meanwhile is not written under the old one',
    function: 'begin_write',
    edits: [['stray IS NOT NULL', 'false']],
    code: 'TT002',
    async breach() {
      const { token } = await catalog.arm(`id:${state.id}`, `slug:${state.slug}-before`);
      return refusalOf(`SELECT begin_write('${token}', 2)`);
    },
  },
  {
    name: 'W4: a write does not end in another life of the database than the one it was armed in',
    function: 'end_write',
    edits: [['database_pair() <> armed_pair', 'false']],
    code: 'TT001',
    async breach() {
      const { token } = await armed();
      return refusalOf(`SELECT begin_write('${token}', 2)`, `SELECT end_write('00000001/1', 'nobody', 'nothing')`);
    },
  },
  {
    name: 'the guard of products',
    function: 'guard_product',
    edits: [['WHERE NOT EXISTS (', 'WHERE false AND NOT EXISTS (']],
    code: 'TT003',
    breach: () => refusalOf(`UPDATE product SET title = 'another' WHERE id = '${state.id}'`),
  },
  {
    name: 'the guard of slugs, of a product that is covered',
    function: 'guard_product',
    edits: [['a.slug = b.slug WHERE a.id IS NULL', 'a.slug = b.slug WHERE false']],
    code: 'TT002',
    async breach() {
      const { token } = await armed();
      return refusalOf(`SELECT begin_write('${token}', 2)`, `UPDATE product SET slug = slug || '-new' WHERE id = '${state.id}'`);
    },
  },
  {
    name: 'the guard of prices',
    function: 'guard_variant_part',
    edits: [['WHERE NOT EXISTS (', 'WHERE false AND NOT EXISTS (']],
    code: 'TT003',
    breach: () => refusalOf(`UPDATE price SET amount = 1 WHERE variant_id = '${state.variants[0]?.id}'`),
  },
  {
    name: 'the guard of prices against a write of another product',
    function: 'guard_variant_part',
    edits: [['OR v.product_id = ANY (w.product_ids)', 'OR true']],
    code: 'TT003',
    async breach() {
      const other = product(`other-${randomUUID()}`);
      await catalog.save(other);
      const { token } = await catalog.arm(`id:${other.id}`, `slug:${other.slug}`);
      return refusalOf(`SELECT begin_write('${token}', 2)`, `UPDATE price SET amount = 1 WHERE variant_id = '${state.variants[0]?.id}'`);
    },
  },
  {
    name: 'the guard of what is added to and taken from a product',
    function: 'require_write',
    edits: [['WHERE NOT EXISTS (', 'WHERE false AND NOT EXISTS (']],
    code: 'TT003',
    breach: () => refusalOf(`DELETE FROM price WHERE variant_id = '${state.variants[0]?.id}'`),
  },
];

describe.each(rules)('$name', ({ function: name, edits, code, breach }) => {
  it('is kept, and missed where it is taken out', async () => {
    expect(await breach()).toBe(code);
    const [row] = await catalog.rows(`SELECT pg_get_functiondef('${name}'::regproc) AS text`);
    const whole = row?.['text'] as string;
    let broken = whole;
    for (const [from, to] of edits) {
      expect(broken.split(from).length, `${from} in ${name}`).toBe(2);
      broken = broken.replace(from, to);
    }
    await catalog.rows(broken);
    try {
      expect(await breach()).toBeNull();
    } finally {
      await catalog.rows(whole);
    }
    expect(await breach()).toBe(code);
  });
});
