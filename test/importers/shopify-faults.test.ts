import { describe, expect, it } from 'vitest';
import { limits } from '../../src/catalog/product-input.js';
import { csv, fixture, inline, readAll } from './read-all.js';

describe('a product that cannot be imported', () => {
  it('is left out alone, with every reason by line and column', async () => {
    const { products, faults, failed } = await readAll(fixture('shopify/faulty-products.csv'));
    expect(products.map(({ slug }) => slug)).toEqual(['sound', 'Sound', 'so-und', 'last']);
    expect(failed).toBe(15);
    expect(faults.map(({ line, column, code }) => [line, column, code])).toEqual([
      [3, 'Handle', 'missing_handle'],
      [4, 'Variant Price', 'bad_price'],
      [5, 'Variant Price', 'bad_price'],
      [6, 'Variant Price', 'bad_price'],
      [6, 'Variant Compare At Price', 'bad_compare_at'],
      [7, 'Variant Inventory Qty', 'bad_quantity'],
      [7, 'Variant Inventory Policy', 'bad_policy'],
      [8, 'Status', 'bad_status'],
      [9, 'Title', 'missing_title'],
      [11, 'Option1 Value', 'missing_option_value'],
      [12, 'Option2 Name', 'missing_option_name'],
      [14, 'Option1 Value', 'duplicate_variant'],
      [15, 'Option2 Name', 'duplicate_option'],
      [17, 'Option1 Name', 'conflicting_option'],
      [18, 'Image Src', 'bad_image_url'],
      [18, 'Image Position', 'bad_image_position'],
      [19, 'Handle', 'bad_handle'],
      [22, 'Handle', 'duplicate_handle'],
      [23, 'Title', 'too_long'],
      [23, 'Vendor', 'too_long'],
      [23, 'Tags', 'too_long'],
      [23, 'Variant SKU', 'too_long'],
      [24, 'Title', 'bad_text'],
    ]);
  });

  it('says why in words', async () => {
    const { faults } = await readAll(inline(csv({ Handle: 'a', Title: 'A', 'Variant Price': 'free' })));
    expect(faults).toEqual([
      { line: 2, column: 'Variant Price', code: 'bad_price', message: 'is not a plain amount in USD, such as 19 or 7.5, that the currency can pay' },
    ]);
  });

  it('has at most twenty reasons', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => ({
      Handle: 'a',
      Title: 'A',
      'Option1 Name': 'N',
      'Option1 Value': `${index}`,
      'Variant Price': 'x',
    }));
    expect((await readAll(inline(csv(...rows)))).faults).toHaveLength(20);
  });

  it.each([
    [{ 'Body (HTML)': 'x'.repeat(200_001) }, 'Body (HTML)', 'too_long'],
    [{ Tags: Array.from({ length: 251 }, (_, index) => `t${index}`).join() }, 'Tags', 'too_many'],
    [{ Type: 'x'.repeat(256) }, 'Type', 'too_long'],
    [{ 'Product Category': `a > ${'x'.repeat(256)}` }, 'Product Category', 'too_long'],
    [{ 'Image Src': `https://images.example/${'x'.repeat(2048)}` }, 'Image Src', 'bad_image_url'],
    [{ 'Image Src': '/a.jpg', 'Image Alt Text': 'x'.repeat(1025) }, 'Image Alt Text', 'too_long'],
    [{ 'Variant Price': '10000000000.01' }, 'Variant Price', 'bad_price'],
    [{ 'Variant Price': '1,299' }, 'Variant Price', 'bad_price'],
    [{ 'Image Src': 'https://images.example/a\tb.jpg' }, 'Image Src', 'bad_image_url'],
    [{ Status: 'unlisted' }, 'Status', 'bad_status'],
    [{ 'SEO Title': 'a\0b' }, 'SEO Title', 'bad_text'],
    [{ 'X (product.metafields.a.b)': 'a\0b' }, 'X (product.metafields.a.b)', 'bad_text'],
    [{ 'Option1 Name': '__proto__', 'Option1 Value': 'x' }, 'Option1 Value', 'bad_value'],
  ])('is one beyond a limit of the catalog (%#)', async (cells, column, code) => {
    const { faults } = await readAll(inline(csv({ Handle: 'a', Title: 'A', 'Variant Price': '1', ...cells })));
    expect(faults).toMatchObject([{ line: 2, column, code }]);
  });

  it('is one with more variants or images than the catalog takes', async () => {
    const rows = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        Handle: 'a',
        Title: 'A',
        'Option1 Name': 'N',
        'Option1 Value': `${index}`,
        'Variant Price': '1',
      }));
    expect((await readAll(inline(csv(...rows(limits.variants + 1))))).faults).toMatchObject([
      { line: 2, column: 'Option1 Name', code: 'too_many' },
      { line: 2, column: 'Variant Price', code: 'too_many' },
    ]);
    const images = Array.from({ length: limits.media + 1 }, (_, index) => ({ Handle: 'a', Title: 'A', 'Image Src': `/${index}.jpg` }));
    expect((await readAll(inline(csv(...images)))).faults).toMatchObject([{ line: 2, column: 'Image Src', code: 'too_many' }]);
  });
});
