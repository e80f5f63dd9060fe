import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ProductState } from '../../src/catalog/product-state.js';
import { formatNdjson } from '../../src/importers/ndjson-format.js';
import { fixture, inline, readAll, refusalOf } from './read-all.js';

const minimal = {
  slug: 's',
  title: 'T',
  description: '',
  brand: null,
  status: 'active',
  categories: [],
  tags: [],
  options: [],
  attributes: {},
  media: [],
  variants: [],
};
const variant = { sku: null, barcode: null, title: 'V', options: {}, position: 1, prices: [], quantity: 0, policy: 'deny' };
const line = (changes: object) => `${JSON.stringify({ ...minimal, ...changes })}\n`;

describe('NDJSON', () => {
  it('comes back exactly as it was exported', async () => {
    const { products } = await readAll(fixture('ndjson/catalog.ndjson'), 'ndjson');
    const { line: _line, pricesCover, ...state } = products[0] ?? expect.fail('no product');
    expect(pricesCover).toBe('all');
    const file = await readFile(new URL('../fixtures/ndjson/catalog.ndjson', import.meta.url), 'utf8');
    expect(formatNdjson(state as ProductState)).toBe(`${file.split('\n')[0]}\n`);
  });

  it('may leave out ids, previous slugs and the time of creation, and have blank lines', async () => {
    const { products } = await readAll(fixture('ndjson/catalog.ndjson'), 'ndjson');
    expect(products[1]).toEqual({ ...minimal, line: 3, slug: 'gift-card', title: 'Gift Card', status: 'draft', pricesCover: 'all' });
  });

  it('is written the same whatever the order of names in memory', () => {
    const base = {
      ...minimal,
      id: 'i',
      previousSlugs: ['b', 'a'],
      createdAt: 'c',
      options: [
        { name: 'B', values: ['1'] },
        { name: 'A', values: ['2'] },
      ],
    };
    const price = (currency: string) => ({ currency, amount: 1, compareAt: null });
    const one = {
      ...base,
      attributes: { b: 1, a: { d: 1, c: [2] } },
      variants: [{ ...variant, id: 'v', options: { A: '2', B: '1' }, prices: [price('USD'), price('EUR')] }],
    };
    const other = {
      ...base,
      attributes: { a: { c: [2], d: 1 }, b: 1 },
      variants: [{ ...variant, id: 'v', options: { B: '1', A: '2' }, prices: [price('EUR'), price('USD')] }],
    };
    expect(formatNdjson(one as ProductState)).toBe(formatNdjson(other as ProductState));
    expect(formatNdjson(one as ProductState)).toContain('"attributes":{"a":{"c":[2],"d":1},"b":1}');
    expect(formatNdjson(one as ProductState)).toContain('"options":{"B":"1","A":"2"}');
  });

  it('is refused with the line where it is not JSON or not UTF-8, before anything comes out', async () => {
    expect(await refusalOf(inline(`${line({})}\n{"slug":`), 'ndjson')).toMatchObject({ line: 3, code: 'not_json' });
    expect(await refusalOf(inline(Buffer.concat([Buffer.from(line({})), Buffer.from([0xff])])), 'ndjson')).toMatchObject({
      line: 2,
      code: 'not_utf8',
    });
    expect(await refusalOf(inline(`${line({})}"${'x'.repeat(17 * 2 ** 20)}"`), 'ndjson')).toMatchObject({ line: 2, code: 'line_too_long' });
  });

  it('without a line has no products', async () => {
    expect((await readAll(inline('\ufeff\r\n'), 'ndjson')).products).toEqual([]);
  });

  it('has its descriptions sanitised', async () => {
    const { products } = await readAll(inline(line({ description: '<p>a<script>b</script></p>' })), 'ndjson');
    expect(products[0]?.description).toBe('<p>a</p>');
  });

  it.each([
    ['null', undefined, 'bad_value'],
    ['[]', undefined, 'bad_value'],
    [line({ price: 1 }), undefined, 'unknown_field'],
    [line({ title: ' ' }), 'title', 'bad_value'],
    [line({ slug: 'a b' }), 'slug', 'bad_value'],
    [line({ tags: ['a', 'a'] }), 'tags', 'bad_value'],
    [line({ tags: Array.from({ length: 251 }, (_, index) => `${index}`) }), 'tags', 'too_many'],
    [line({ title: 'x'.repeat(1025) }), 'title', 'too_long'],
    [line({ title: 'a\0' }), 'title', 'bad_text'],
    [line({ attributes: { a: ['\ud800'] } }), 'attributes.a.0', 'bad_text'],
    ['{"attributes":{"__proto__":{"x":1}}}', 'attributes.__proto__', 'bad_value'],
    [`{"attributes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, expect.stringMatching(/^attributes(\.0)+$/), 'too_deep'],
    [line({ attributes: { a: 'x'.repeat(100_001) } }), 'attributes', 'bad_value'],
    ['{"attributes":{"a":1e999}}', 'attributes.a', 'bad_value'],
    [line({ createdAt: 'yesterday' }), 'createdAt', 'bad_value'],
    [line({ variants: [{ ...variant, options: { Size: 'M' } }] }), 'variants.0.options', 'bad_value'],
    [line({ variants: [{ ...variant, prices: [{ currency: 'ZZZ', amount: 1, compareAt: null }] }] }), 'variants.0.prices.0.currency', 'bad_value'],
    [line({ variants: [{ ...variant, prices: [{ currency: 'USD', amount: 1.5, compareAt: null }] }] }), 'variants.0.prices.0.amount', 'bad_value'],
    [line({ variants: [{ ...variant, prices: [{ currency: 'USD', amount: -1, compareAt: null }] }] }), 'variants.0.prices.0.amount', 'out_of_range'],
  ])('leaves out a line that is no product and reads on (%#)', async (bad, column, code) => {
    const read = await readAll(inline(`${bad.trim()}\n${line({ slug: 'next' })}`), 'ndjson');
    expect(read.products).toMatchObject([{ line: 2, slug: 'next' }]);
    expect(read.failed).toBe(1);
    expect(read.faults).toContainEqual(expect.objectContaining({ line: 1, code, ...(column === undefined ? {} : { column }) }));
  });

  it('leaves out the later of two products with one slug or one id', async () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    const read = await readAll(inline(line({ id }) + line({}) + line({ slug: 'other', id: id.toUpperCase() })), 'ndjson');
    expect(read.products).toHaveLength(1);
    expect(read.faults).toMatchObject([
      { line: 2, column: 'slug', code: 'duplicate_product' },
      { line: 3, column: 'id', code: 'duplicate_product' },
    ]);
  });
});
