import { describe, expect, it } from 'vitest';
import type { Answer } from './http-connection.js';
import { createShop } from './shop.js';
import { readBatch, readDetail, readListing, readQuote } from './sights.js';

const variants = [
  { id: 'v1', price: { amount: 300 } },
  { id: 'v2', price: { amount: 200 } },
];
const created = ['still', 'lamp', 'desk'].map((slug) => ({ id: `id-${slug}`, slug, version: 1, status: 'active', variants }));
const open = () => createShop(created, 1, () => {});
const lamp = {
  slug: 'lamp',
  version: 4,
  status: 'active',
  variants,
  priceRange: { min: { amount: 200 }, max: { amount: 300 } },
};

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, header: (name) => headers[name], body: body === null ? '' : JSON.stringify(body) };
}

/** What a reading shows, with the name of the product. */
function shown({ seen, faults }: ReturnType<typeof readBatch>) {
  return { seen: seen.map(({ product, sight }) => [product.name, sight]), faults };
}

describe('what an answer says', () => {
  it('takes a page for its version, slug and prices', () => {
    expect(shown(readDetail(open(), 'lamp', undefined, answer(200, lamp, { etag: '"4.1"' })))).toEqual({
      seen: [['lamp', { kind: 'version', version: 4, slug: 'lamp', amounts: [300, 200] }]],
      faults: [],
    });
  });

  it('finds a page that contradicts itself', () => {
    const faultsOf = (body: object, etag = '"4.1"') => readDetail(open(), 'lamp', undefined, answer(200, body, { etag })).faults;
    expect(faultsOf(lamp, '"3.1"')).toHaveLength(1);
    expect(faultsOf({ ...lamp, slug: 'desk' })).toHaveLength(1);
    expect(faultsOf({ ...lamp, status: 'archived' })).toHaveLength(1);
    expect(faultsOf({ ...lamp, priceRange: { min: { amount: 100 }, max: { amount: 300 } } })).toHaveLength(1);
    expect(faultsOf({ ...lamp, slug: 'nobody' })).toHaveLength(2);
  });

  it('takes a 304 for the version that was sent, and no other ETag for an answer to it', () => {
    const read = (etag: string) => shown(readDetail(open(), 'lamp', '"3.1"', answer(304, null, { etag })));
    expect(read('"3.1"').seen).toEqual([['lamp', { kind: 'version', version: 3, slug: 'lamp' }]]);
    expect(read('"4.1"').faults).toHaveLength(1);
  });

  it('takes 404 for an absence and 301 for a move', () => {
    expect(shown(readDetail(open(), 'lamp', undefined, answer(404, {}))).seen).toEqual([['lamp', { kind: 'absent', slug: 'lamp' }]]);
    const moved = answer(301, null, { location: '/v1/products/light?currency=USD' });
    expect(shown(readDetail(open(), 'lamp', undefined, moved)).seen).toEqual([['lamp', { kind: 'moved', from: 'lamp', to: 'light' }]]);
  });

  it('reads a batch with what is missing, by old slugs too, and finds what is neither there nor missing', () => {
    const shop = open();
    const lampNow = shop.ownerOf('lamp');
    if (lampNow) shop.claim('old-lamp', lampNow);
    const reading = shown(readBatch(shop, ['old-lamp', 'desk', 'still'], answer(200, { data: [lamp], missing: ['desk'] })));
    expect(reading.seen).toEqual([
      ['lamp', { kind: 'version', version: 4, slug: 'lamp', amounts: [300, 200] }],
      ['desk', { kind: 'absent', slug: 'desk' }],
    ]);
    expect(reading.faults).toEqual(['still is neither shown nor missing in a batch']);
  });

  it('takes a card for the lowest price, and a line of a quote for the price of its variant', () => {
    const card = answer(200, { data: [{ slug: 'lamp', version: 4, price: { amount: 200 } }] });
    expect(shown(readListing(open(), card)).seen).toEqual([['lamp', { kind: 'version', version: 4, slug: 'lamp', lowest: 200 }]]);
    const quote = answer(200, { lines: [{ variantId: 'v2', product: { slug: 'lamp', version: 4 }, price: { amount: 200 } }] });
    expect(shown(readQuote(open(), quote)).seen).toEqual([['lamp', { kind: 'version', version: 4, slug: 'lamp', amounts: [undefined, 200] }]]);
  });
});
