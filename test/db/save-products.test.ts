import { randomUUID } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProductState } from '../../src/catalog/product-state.js';
import { keysOf } from '../../src/catalog/write-keys.js';
import { blockChannel } from '../../src/db/channels.js';
import { saveProducts } from '../../src/db/save-products.js';
import { armedTransaction } from '../../src/db/transaction.js';
import { type Catalog, openCatalog, recordOf } from './open-catalog.js';
import { product, richProduct, usd, variant } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

describe('save', () => {
  it('stores a state so that reading it gives the same one', async () => {
    const state = richProduct('round-trip');
    await catalog.save(state);
    expect(await catalog.stateOf(state.id)).toEqual(state);
    const [document] = await catalog.save(state);
    expect(document?.version).toBe(2);
    expect(await catalog.stateOf(state.id)).toEqual(state);
  });

  it('replaces everything, keeps the rows of variants and prices that stay and deletes what is gone', async () => {
    const kept = variant({ prices: [usd(100), { currency: 'EUR', amount: 90, compareAt: null }] });
    const state = { ...richProduct('replaced'), previousSlugs: [], options: [], variants: [kept, variant({ position: 2, prices: [usd(500)] })] };
    await catalog.save(state);
    const before = await catalog.rows('SELECT id, created_at FROM price WHERE variant_id = $1 AND currency = $2', [kept.id, 'USD']);
    const bare = { ...product('replaced'), id: state.id, variants: [{ ...kept, prices: [usd(120)] }, variant({ position: 2, prices: [usd(80)] })] };
    await catalog.save(bare);
    expect(await catalog.stateOf(state.id)).toEqual(bare);
    expect(await catalog.rows('SELECT id, created_at FROM price WHERE variant_id = $1', [kept.id])).toEqual(before);
    expect(await catalog.rows('SELECT currency, min_amount, max_amount FROM product_price_range WHERE product_id = $1', [state.id])).toEqual([
      { currency: 'USD', min_amount: '80', max_amount: '120' },
    ]);
  });

  it('gives documents in the order asked, for more products than one batch holds', async () => {
    const states = Array.from({ length: 450 }, (_, index) => product(`many-${index}`, { id: newId() })).reverse();
    const documents = await catalog.save(...states);
    expect(documents.map(({ id }) => id)).toEqual(states.map(({ id }) => id));
  });

  it('writes 200 products in as many statements as one', async () => {
    const make = (count: number) => Array.from({ length: count }, () => ({ ...richProduct(randomUUID()), previousSlugs: [randomUUID()] }));
    await catalog.save(...make(1));
    const [one, many] = [await statementsOf(make(1)), await statementsOf(make(200))];
    expect(many).toBe(one);
    expect(many).toBeLessThanOrEqual(13);
  });

  it('refuses a slug that another product has, and says which', async () => {
    await catalog.save(product('taken'));
    await expect(catalog.save(product('free'), product('taken'))).rejects.toMatchObject({
      code: 'slug_taken',
      message: 'Another product has the slug taken',
    });
    expect((await catalog.reads.versions(['slug:free'])).size).toBe(0);
  });

  it('refuses a variant of another product', async () => {
    const owner = product('owner');
    await catalog.save(owner);
    await expect(catalog.save(product('thief', { variants: owner.variants }))).rejects.toMatchObject({ code: 'conflict' });
    expect((await catalog.stateOf(owner.id))?.variants).toEqual(owner.variants);
  });

  it.each([
    ['a NUL', { title: 'a\0b' }, 'unusable'],
    ['half a surrogate pair', { attributes: { half: '\ud800' } }, 'unusable'],
    ['an id that is no uuid', { id: 'no-uuid' }, 'unusable'],
    ['a tag twice', { tags: ['a', 'a'] }, 'unusable'],
    ['an option no product has', { variants: [variant({ options: { Size: 'M' } })] }, 'unusable'],
    ['a stock beyond an integer', { variants: [variant({ quantity: 3e9 })] }, 'unusable'],
    ['an amount below nothing', { variants: [variant({ prices: [usd(-1)] })] }, 'unusable'],
    ['a time that is none', { createdAt: '2024-13-45T00:00:00.000Z' }, 'unusable'],
    ['an unknown category without a title', { categories: [[{ slug: 'nowhere', title: '' }]] }, 'unknown_category'],
  ] satisfies [string, Partial<ProductState>, string][])('refuses %s in the shop’s words', async (_, changes, code) => {
    await expect(catalog.save(product(`bad-${randomUUID()}`, changes))).rejects.toMatchObject({ name: 'AppError', code });
  });

  it('lets two writers of one product stand in a line, each with a version of its own', async () => {
    const state = product('rivals');
    await catalog.save(state);
    const written = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        catalog.change(state.id, async (tx, token) => {
          const [locked] = await tx.lock({ ids: [state.id] });
          if (!locked) throw new Error('the product is gone');
          const [document] = await tx.save([{ ...locked.state, tags: [...locked.state.tags, `writer-${index}`] }], token);
          return { before: locked.version, after: document?.version };
        }),
      ),
    );
    expect(new Set(written.map(({ after }) => after))).toEqual(new Set([2, 3, 4, 5]));
    expect(written.every(({ before, after }) => after === before + 1)).toBe(true);
    expect((await catalog.stateOf(state.id))?.tags).toHaveLength(4);
  });

  it('makes a product once where two writers create the same one', async () => {
    const state = product('twice');
    const versions = await Promise.all([catalog.save(state), catalog.save(state)]);
    expect(new Set(versions.map(([document]) => document?.version))).toEqual(new Set([1, 2]));
  });

  it('saves overlapping batches from both ends without a deadlock', async () => {
    const states = Array.from({ length: 30 }, (_, index) =>
      product(`overlap-${index}`, { brand: `Brand ${index}`, categories: [[{ title: `Shelf ${index}` }]] }),
    );
    await Promise.all([catalog.save(...states), catalog.save(...states.toReversed())]);
    const documents = await catalog.reads.documents(states.map(({ id }) => id));
    expect([...documents.values()].every(({ version }) => version === 2)).toBe(true);
  });

  it('never lets updatedAt go back', async () => {
    const state = product('clocked');
    const [first] = await catalog.save(state);
    const { token, keyCount } = await catalog.arm(`id:${state.id}`, 'slug:clocked');
    await catalog.rows(
      `BEGIN; SELECT begin_write('${token}', ${keyCount}); UPDATE product SET updated_at = '2999-01-01' WHERE id = '${state.id}'; COMMIT`,
    );
    const [second] = await catalog.save(state);
    expect(recordOf(first).updatedAt < recordOf(second).updatedAt).toBe(true);
    expect(recordOf(second).updatedAt).toBe('2999-01-01T00:00:00.000Z');
  });
});

describe('states', () => {
  it('streams every product once in the order of the ids, whatever the batch', async () => {
    const all = (await catalog.rows('SELECT id FROM product ORDER BY id')).map(({ id }) => id);
    for (const size of [1000, 97]) {
      const seen: string[] = [];
      for await (const batch of catalog.reads.states(size)) seen.push(...batch.map(({ id }) => id));
      expect(seen).toEqual(all);
    }
  });
});

describe('lock', () => {
  it('finds products by id and current slug, each once, and passes over what is none', async () => {
    const [a, b] = [product('lock-a'), product('lock-b')];
    await catalog.save(a, b);
    const keys = [a, b].flatMap(({ id, slug }) => [`id:${id}`, `slug:${slug}`]);
    const by = { ids: [a.id, 'no-uuid'], slugs: ['lock-a', 'lock-b', 'nobody', '\0'] };
    const locked = await catalog.write(keys, (tx) => tx.lock(by));
    expect(locked.map(({ state }) => state)).toEqual([a, b]);
    expect(locked.map(({ version }) => version)).toEqual([1, 1]);
    const rehearsed = await catalog.writes.rehearse((tx) => tx.lock(by));
    expect(rehearsed.map(({ version }) => version)).toEqual([2, 2]);
  });
});

async function statementsOf(states: ProductState[]): Promise<number> {
  let count = 0;
  const armed = await catalog.arm(...states.flatMap((state) => keysOf(state)));
  await armedTransaction(catalog.db.pool, { ...armed, channel: blockChannel(catalog.catalogId) }, (query) =>
    saveProducts(
      (statement, values) => {
        count += 1;
        return query(statement, values);
      },
      states,
      armed.token,
    ),
  );
  return count;
}
