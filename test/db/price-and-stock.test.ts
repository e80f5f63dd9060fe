import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredPrice } from '../../src/catalog/money.js';
import type { ProductTransaction } from '../../src/catalog/ports.js';
import { createInventoryReads } from '../../src/db/inventory.js';
import { createQuoteReads } from '../../src/db/quotes.js';
import { type Catalog, openCatalog, recordOf } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

const nobody = '00000000-0000-7000-8000-000000000000';

/** A write of the product that this variant belongs to; of no product where it belongs to none. */
async function ofVariant<T>(variantId: string, work: (tx: ProductTransaction, token: string) => Promise<T>): Promise<T> {
  const stands = await catalog.reads.variantPrice(variantId, 'USD');
  return stands ? catalog.change(stands.productId, work) : catalog.write([], work);
}

const setPrice = (variantId: string, price: StoredPrice) =>
  ofVariant(variantId, async (tx, token) => (await tx.setPrice(variantId, price, token)).document);
/** Where it makes the variant available or unavailable as well. */
const setAnyStock = (variantId: string, quantity: number) => ofVariant(variantId, (tx) => tx.setStock(variantId, quantity));
const setStock = (variantId: string, quantity: number) => catalog.writes.setStock(variantId, quantity);

async function rangesOf(productId: string) {
  return catalog.rows('SELECT currency, min_amount::int AS low, max_amount::int AS high FROM product_price_range WHERE product_id = $1 ORDER BY 1', [
    productId,
  ]);
}

describe('setPrice', () => {
  it('gives the new document with the version and token of this write, and keeps the range', async () => {
    const [a, b] = [variant({ prices: [usd(100, 150)] }), variant({ position: 2, prices: [usd(200)] })];
    const state = product('priced', { variants: [a, b] });
    await catalog.save(state);
    const [token, document] = await ofVariant(a.id, async (tx, made) => [made, (await tx.setPrice(a.id, usd(300), made)).document] as const);
    expect(document).toMatchObject({ id: state.id, slug: 'priced', version: 2, token });
    expect(recordOf(document).variants.map(({ prices }) => prices.USD)).toEqual([
      { amount: 300, compareAt: null },
      { amount: 200, compareAt: null },
    ]);
    expect(await rangesOf(state.id)).toEqual([{ currency: 'USD', low: 200, high: 300 }]);
    expect(recordOf(await setPrice(b.id, { currency: 'JPY', amount: 0, compareAt: 9 })).variants[1]?.prices).toEqual({
      JPY: { amount: 0, compareAt: 9 },
      USD: { amount: 200, compareAt: null },
    });
    expect(await rangesOf(state.id)).toEqual([
      { currency: 'JPY', low: 0, high: 0 },
      { currency: 'USD', low: 200, high: 300 },
    ]);
  });

  it('counts one version for each of many writers at once', async () => {
    const state = product('contended', { variants: [variant({ prices: [usd(1)] }), variant({ position: 2, prices: [usd(1)] })] });
    await catalog.save(state);
    const written = await Promise.all([10, 20, 30, 40].map((amount, index) => setPrice(state.variants[index % 2]?.id ?? '', usd(amount))));
    expect(new Set(written.map(({ version }) => version))).toEqual(new Set([2, 3, 4, 5]));
    const amounts = (await catalog.stateOf(state.id))?.variants.map(({ prices }) => prices[0]?.amount ?? 0) ?? [];
    expect(await rangesOf(state.id)).toEqual([{ currency: 'USD', low: Math.min(...amounts), high: Math.max(...amounts) }]);
  });

  it('keeps the compare-at price where the change has none, and says what was there before', async () => {
    const a = variant({ prices: [usd(100, 150)] });
    const state = product('compared', { variants: [a] });
    await catalog.save(state);
    const change = async (compareAt: { compareAt?: number | null }, currency = 'USD') => {
      const { stood, document } = await catalog.change(state.id, (tx, token) => tx.setPrice(a.id, { currency, amount: 90, ...compareAt }, token));
      return [stood, recordOf(document).variants[0]?.prices[currency]];
    };
    const before = { productId: state.id, slug: 'compared' };
    const [of, kept] = [
      { currency: 'USD', amount: 100, compareAt: 150 },
      { amount: 90, compareAt: 150 },
    ];
    expect(await change({})).toEqual([{ ...before, version: 1, price: of }, kept]);
    expect(await change({ compareAt: null })).toEqual([
      { ...before, version: 2, price: { ...of, amount: 90 } },
      { amount: 90, compareAt: null },
    ]);
    expect(await change({}, 'EUR')).toEqual([
      { ...before, version: 3, price: null },
      { amount: 90, compareAt: null },
    ]);
    expect(await rangesOf(state.id)).toEqual([
      { currency: 'EUR', low: 90, high: 90 },
      { currency: 'USD', low: 90, high: 90 },
    ]);
  });

  it('makes a range again that is missing', async () => {
    const [a, b] = [variant({ prices: [usd(100)] }), variant({ position: 2, prices: [usd(250)] })];
    const state = product('unranged', { variants: [a, b] });
    await catalog.save(state);
    await catalog.rows('DELETE FROM product_price_range WHERE product_id = $1', [state.id]);
    await setPrice(a.id, usd(300));
    expect(await rangesOf(state.id)).toEqual([{ currency: 'USD', low: 250, high: 300 }]);
  });

  it.each(['USD', 'EUR'])('changes nothing of a product that this write has not stamped, in %s', async (currency) => {
    const [ours, theirs] = [variant({ prices: [usd(100)] }), variant({ prices: [usd(100)] })];
    const [own, other] = [product(`own-${currency}`, { variants: [ours] }), product(`other-${currency}`, { variants: [theirs] })];
    await catalog.save(own, other);
    const change = catalog.change(own.id, (tx, token) => tx.setPrice(theirs.id, { currency, amount: 1 }, token));
    await expect(change).rejects.toMatchObject({ code: 'busy' });
    expect((await catalog.stateOf(other.id))?.variants[0]?.prices).toEqual([usd(100)]);
  });

  it.each([nobody, 'no-uuid', '\0'])('knows no variant %j', async (id) => {
    await expect(setPrice(id, usd(1))).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('setStock', () => {
  it('takes a write of the document only where availability flips, and changes nothing without one', async () => {
    const [a, b] = [variant({ quantity: 2 }), variant({ position: 2 })];
    const state = product('stocked', { variants: [a, b] });
    await catalog.save(state);
    const owner = { id: state.id, slug: 'stocked' };
    expect(await setStock(a.id, 1)).toEqual({ stock: { variantId: a.id, quantity: 1, policy: 'deny' }, product: owner, document: null });
    expect(await setStock(a.id, 0)).toEqual({ stock: null, product: owner, document: null });
    expect(await createInventoryReads(catalog.db).find(a.id)).toMatchObject({ quantity: 1 });
    const emptied = (await setAnyStock(a.id, 0)).document ?? undefined;
    expect(emptied?.version).toBe(2);
    expect(recordOf(emptied)).toMatchObject({ available: false, variants: [{ available: false }, { available: false }] });
    expect(await setStock(a.id, -5)).toMatchObject({ stock: { quantity: -5 }, document: null });
    const refilled = (await setAnyStock(b.id, 3)).document ?? undefined;
    expect(refilled?.version).toBe(3);
    expect(recordOf(refilled)).toMatchObject({ available: true, variants: [{ available: false }, { available: true }] });
  });

  it('leaves a variant that is sold on available, and the product while another variant is', async () => {
    const [endless, counted] = [variant({ policy: 'continue' }), variant({ position: 2, quantity: 1 })];
    await catalog.save(product('endless', { variants: [endless, counted] }));
    expect(await setStock(endless.id, -10)).toMatchObject({ stock: { quantity: -10 }, document: null });
    const { document } = await setAnyStock(counted.id, 0);
    expect(recordOf(document ?? undefined)).toMatchObject({ available: true, variants: [{ available: true }, { available: false }] });
  });

  it('makes the row where nobody has counted the variant yet', async () => {
    const state = product('uncounted');
    const id = state.variants[0]?.id ?? '';
    await catalog.save(state);
    await catalog.rows('DELETE FROM inventory WHERE variant_id = $1', [id]);
    expect((await setAnyStock(id, 4)).document?.version).toBe(2);
  });

  it('does not cross with a price write of the same product', async () => {
    const state = product('crossing', { variants: [variant({ quantity: 1, prices: [usd(1)] })] });
    const id = state.variants[0]?.id ?? '';
    await catalog.save(state);
    await Promise.all([setAnyStock(id, 0), setPrice(id, usd(2)), setAnyStock(id, 0), setPrice(id, usd(3)), setStock(id, 5), setStock(id, 6)]);
    expect((await catalog.reads.versions([`id:${state.id}`])).get(`id:${state.id}`)?.version).toBe(5);
  });

  it('knows no variant that is removed while it waits for the product', async () => {
    const [stays, goes] = [variant({ quantity: 1 }), variant({ position: 2, quantity: 1 })];
    const state = product('shrinking', { variants: [stays, goes] });
    await catalog.save(state);
    let waiting: Promise<unknown> = Promise.resolve();
    await catalog.change(state.id, async (tx, token) => {
      await tx.save([{ ...state, variants: [stays] }], token);
      waiting = setStock(goes.id, 5).catch((error: unknown) => error);
      await expect
        .poll(() => catalog.rows(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`))
        .toHaveLength(1);
    });
    expect(await waiting).toMatchObject({ code: 'not_found' });
  });

  it.each([nobody, 'no-uuid', '\0'])('knows no variant %j', async (id) => {
    await expect(setStock(id, 1)).rejects.toMatchObject({ code: 'not_found' });
    await expect(setAnyStock(id, 1)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('quotes and inventory', () => {
  it('tell price and stock of variants of active products, and of no others', async () => {
    const [sold, draft] = [
      product('quoted', { variants: [variant({ sku: 'Q', prices: [usd(700, 900)], quantity: 4, policy: 'continue' }), variant({ position: 2 })] }),
      product('hidden'),
    ];
    await catalog.save(sold, { ...draft, status: 'draft' });
    const ids = [...sold.variants, ...draft.variants].map(({ id }) => id);
    await catalog.rows('DELETE FROM inventory WHERE variant_id = $1', [ids[1]]);
    const quoted = await createQuoteReads(catalog.db).variants([...ids, 'no-uuid'], 'USD');
    const shared = { productId: sold.id, slug: 'quoted', title: sold.title, variantTitle: 'Default Title', version: 1 };
    expect([...quoted.values()]).toEqual(
      expect.arrayContaining([
        { ...shared, variantId: ids[0], sku: 'Q', quantity: 4, policy: 'continue', price: { amount: 700, compareAt: 900 } },
        { ...shared, variantId: ids[1], sku: null, quantity: 0, policy: 'deny', price: null },
      ]),
    );
    expect(quoted.size).toBe(2);
    const { find } = createInventoryReads(catalog.db);
    expect(await Promise.all([...ids, 'no-uuid', '\0'].map(find))).toEqual([
      { variantId: ids[0], quantity: 4, policy: 'continue' },
      { variantId: ids[1], quantity: 0, policy: 'deny' },
      null,
      null,
      null,
    ]);
  });

  it('finds the variants of a SKU that repeats, in the order of their ids', async () => {
    const states = [
      product('sku-1', { variants: [variant({ sku: 'SAME' }), variant({ sku: 'SAME', position: 2 })] }),
      product('sku-2', { variants: [variant({ sku: 'SAME' })] }),
    ];
    await catalog.save(...states);
    const all = states
      .flatMap(({ id, variants }) => variants.map((each) => ({ variantId: each.id, productId: id })))
      .sort((a, b) => (a.variantId < b.variantId ? -1 : 1));
    expect(await catalog.reads.variantsBySku('SAME', 10)).toEqual(all);
    expect(await catalog.reads.variantsBySku('SAME', 2)).toEqual(all.slice(0, 2));
    expect(await catalog.reads.variantsBySku('\0', 2)).toEqual([]);
  });
});
