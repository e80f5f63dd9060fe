import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListingPosition, ListingQuery, ListingSort } from '../../src/catalog/listing.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { createListingReads } from '../../src/db/listing-reads.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

let catalog: Catalog;
let page: ReturnType<typeof createListingReads>['page'];
const states: ProductState[] = [];

// Few different times, titles and prices, so that ties are the rule; every seventh product has no price in dollars.
beforeAll(async () => {
  catalog = await openCatalog();
  page = createListingReads(catalog.db).page;
  for (let index = 0; index < 60; index += 1) {
    const prices = index % 7 === 0 ? [{ currency: 'EUR', amount: 5, compareAt: null }] : [usd(100 * (index % 4))];
    states.push(
      product(`p-${index}`, {
        title: ['Oak lamp', 'oak Lamp', 'Élan chair', 'Zinc pot', 'a lamp of oak'][index % 5] ?? '',
        status: index % 11 === 10 ? 'archived' : 'active',
        createdAt: `2024-01-0${1 + (index % 3)}T00:00:00.00${index % 2}Z`,
        brand: index % 2 ? 'Nordic' : null,
        tags: index % 3 ? ['Sale'] : [],
        categories: index % 4 ? [[{ title: 'Home' }, { title: index % 4 === 1 ? 'Lamps' : 'Chairs' }], [{ title: 'Home' }]] : [],
        options: [
          { name: 'Size', values: ['S', 'M'] },
          { name: 'Colour', values: ['Red', 'Blue'] },
        ],
        variants: [
          variant({ options: { Size: 'S', Colour: 'Red' }, prices, quantity: index % 2 }),
          variant({
            options: { Size: 'M', Colour: index % 5 ? 'Red' : 'Blue' },
            prices: prices.map((price) => ({ ...price, amount: price.amount + 50 })),
            position: 2,
          }),
        ],
      }),
    );
  }
  await catalog.save(...states);
});
afterAll(() => catalog.close());

const asked = (changes: Partial<ListingQuery> = {}): ListingQuery => ({ options: {}, currency: 'USD', sort: 'newest', limit: 24, ...changes });
const active = () => states.filter(({ status }) => status === 'active');
const lowest = ({ variants }: ProductState) => variants[0]?.prices.find(({ currency }) => currency === 'USD')?.amount;
const stateById = (id: string) => states.find((state) => state.id === id) as ProductState;

async function walk(query: ListingQuery): Promise<{ ids: string[]; sizes: number[] }> {
  const ids: string[] = [];
  const sizes: number[] = [];
  let after: ListingPosition | undefined;
  do {
    // A position goes out as JSON and comes back the same way.
    const { ids: some, next }: Awaited<ReturnType<typeof page>> = await page({
      ...query,
      ...(after && { after: JSON.parse(JSON.stringify(after)) }),
    });
    ids.push(...some);
    sizes.push(some.length);
    after = next ?? undefined;
  } while (after);
  return { ids, sizes };
}

const sorts: ListingSort[] = ['newest', 'price', '-price', 'title', 'relevance'];

describe('pages by keyset', () => {
  it.each(sorts)('cover every product exactly once under ties, in one order whatever the size of the page: %s', async (sort) => {
    const query = asked({ sort, ...(sort === 'relevance' && { q: 'lamp or pot or chair' }) });
    const whole = (await page({ ...query, limit: 100 })).ids;
    expect([...whole].sort()).toEqual(
      active()
        .map(({ id }) => id)
        .sort(),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (limit) => {
        const { ids, sizes } = await walk({ ...query, limit });
        expect(ids).toEqual(whole);
        expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true);
      }),
      { numRuns: 8, examples: [[1], [7]] },
    );
  });

  it('say there is no next page when the last one is just full', async () => {
    expect((await page(asked({ limit: active().length }))).next).toBeNull();
    expect((await page(asked({ sort: 'price', limit: active().length }))).next).toBeNull();
  });

  it('go on behind a product that is gone by then', async () => {
    const query = asked({ sort: 'title', limit: 10 });
    const first = await page(query);
    const doomed = stateById(first.next?.id ?? '');
    const expected = (await page({ ...query, after: first.next as ListingPosition })).ids;
    await catalog.save({ ...doomed, status: 'archived' });
    expect((await page({ ...query, after: first.next as ListingPosition })).ids).toEqual(expected);
    await catalog.save(doomed);
  });

  it.each([
    ['newest', { key: 'yesterday', id: '00000000-0000-7000-8000-000000000000' }],
    ['newest', { key: null, id: '00000000-0000-7000-8000-000000000000' }],
    ['title', { key: 4, id: '00000000-0000-7000-8000-000000000000' }],
    ['price', { key: '4', id: '00000000-0000-7000-8000-000000000000' }],
    ['price', { key: 4.5, id: '00000000-0000-7000-8000-000000000000' }],
    ['-price', { key: 4, id: 'no-uuid' }],
  ] as [ListingSort, ListingPosition][])('refuse a position of another kind: %s %j', async (sort, after) => {
    await expect(page(asked({ sort, after }))).rejects.toMatchObject({ code: 'unknown_cursor' });
  });
});

describe('order', () => {
  it('is newest first', async () => {
    const times = (await page(asked({ limit: 100 }))).ids.map((id) => stateById(id).createdAt);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('is by folded title', async () => {
    const titles = (await page(asked({ sort: 'title', limit: 100 }))).ids.map((id) => stateById(id).title.toLowerCase());
    expect(titles).toEqual([...titles].sort());
  });

  it.each(['price', '-price'] as const)('by %s has the products without a price last', async (sort) => {
    const prices = (await page(asked({ sort, limit: 100 }))).ids.map((id) => lowest(stateById(id)));
    const priced = prices.filter((price) => price !== undefined);
    expect(prices.slice(0, priced.length)).toEqual(priced);
    expect(priced).toEqual([...priced].sort((a, b) => (sort === 'price' ? a - b : b - a)));
    expect(prices.length).toBeGreaterThan(priced.length);
  });

  it('by price is by the currency asked for', async () => {
    const { ids } = await page(asked({ sort: 'price', currency: 'EUR', priceMin: 0, limit: 100 }));
    expect([...ids].sort()).toEqual(
      active()
        .filter((state) => lowest(state) === undefined)
        .map(({ id }) => id)
        .sort(),
    );
  });
});

describe('filters', () => {
  const cases: [string, Partial<ListingQuery>, (state: ProductState) => boolean][] = [
    ['a category with its descendants', { category: 'home' }, ({ categories }) => categories.length > 0],
    ['one leaf', { category: 'lamps' }, ({ categories }) => categories[0]?.[1]?.title === 'Lamps'],
    ['a brand in any case', { brand: 'nORDIC' }, ({ brand }) => brand === 'Nordic'],
    ['a tag in any case', { tag: 'SALE' }, ({ tags }) => tags.includes('Sale')],
    ['availability', { available: true }, ({ variants }) => variants.some(({ quantity }) => quantity > 0)],
    ['absence', { available: false }, ({ variants }) => variants.every(({ quantity }) => quantity === 0)],
    ['a range of prices, both ends included', { priceMin: 100, priceMax: 200 }, (state) => [100, 200].includes(lowest(state) ?? -1)],
    ['one option', { options: { colour: 'BLUE' } }, ({ variants }) => variants.some(({ options }) => options.Colour === 'Blue')],
    ['options of one and the same variant', { options: { Size: 'S', Colour: 'Blue' } }, () => false],
    ['words in any form', { q: 'lamps' }, ({ title, categories }) => /lamp/i.test(title) || categories[0]?.[1]?.title === 'Lamps'],
    ['words without another', { q: 'oak -"a lamp"' }, ({ title }) => title.toLowerCase() === 'oak lamp'],
    [
      'brand and category by words',
      { q: 'nordic chairs' },
      ({ brand, title, categories }) => brand === 'Nordic' && (/chair/.test(title) || categories[0]?.[1]?.title === 'Chairs'),
    ],
    ['an unknown category', { category: 'nowhere' }, () => false],
    ['an unknown currency', { currency: 'GBP', priceMin: 0 }, () => false],
    ['a NUL', { brand: 'a\0' }, () => false],
    ['half a surrogate pair', { options: { Size: '\udc00' } }, () => false],
    ['no words at all', { q: '!!! & | :*' }, () => false],
    ['SQL', { tag: `' OR 1=1 --`, options: { "'; DROP TABLE product; --": '$1' } }, () => false],
  ];

  it.each(cases)('find %s', async (_, filter, holds) => {
    const wanted = active()
      .filter(holds)
      .map(({ id }) => id)
      .sort();
    for (const sort of ['newest', 'price', 'title'] as const) expect((await walk(asked({ ...filter, sort, limit: 7 }))).ids.sort()).toEqual(wanted);
  });

  it('refuse relevance without words', async () => {
    await expect(page(asked({ sort: 'relevance' }))).rejects.toMatchObject({ code: 'unusable' });
  });

  it('end on a tree that was bent into a ring', async () => {
    await catalog.rows('ALTER TABLE category DISABLE TRIGGER category_is_a_tree');
    await catalog.rows(`UPDATE category SET parent_id = (SELECT id FROM category WHERE slug = 'lamps') WHERE slug = 'home'`);
    expect((await page(asked({ category: 'home', limit: 100 }))).ids).toHaveLength(active().filter(({ categories }) => categories.length > 0).length);
    await catalog.rows(`UPDATE category SET parent_id = NULL WHERE slug = 'home'`);
    await catalog.rows('ALTER TABLE category ENABLE TRIGGER category_is_a_tree');
  });
});
