import { describe, expect, it } from 'vitest';
import { sanitizeDescription } from '../../src/catalog/html.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { formatNdjson } from '../../src/importers/ndjson-format.js';
import { csv, inline, readAll } from '../importers/read-all.js';

const formulas = [
  '=1+1',
  '=HYPERLINK("https://evil.example","x")',
  '+1',
  '-1+1',
  '@SUM(A1:A9)',
  '\t=1+1',
  '\r=1+1',
  '=cmd|"/c calc"!A0',
  '\n=1',
  '＝1+1',
];

describe('an export', () => {
  it('is NDJSON and no table: a formula stands inside a JSON string, and comes back as it was', async () => {
    for (const text of formulas) {
      const variant = { title: text, sku: text, barcode: text, options: { [text]: text }, position: 1, prices: [], quantity: 0, policy: 'deny' };
      const state = {
        ...{
          slug: 's',
          title: text,
          description: sanitizeDescription(text),
          brand: text,
          status: 'active',
          tags: [text],
          attributes: { [text]: text },
        },
        ...{ categories: [[{ title: text }]], options: [{ name: text, values: [text] }], media: [{ url: '/a.jpg', alt: text, position: 1 }] },
        ...{ variants: [variant], previousSlugs: [] },
      };
      const line = formatNdjson(state as unknown as ProductState);
      expect(line).toMatch(/^\{"/);
      // A program that takes the file for a table finds one cell of a line, and none that begins as a formula does.
      expect(line.trimEnd()).not.toMatch(/[\n\r\t]/);
      for (const cell of line.trimEnd().split(/[,;]/)) expect(cell).not.toMatch(/^[=+@]/);
      const { products, faults } = await readAll(inline(line), 'ndjson');
      expect(faults).toEqual([]);
      expect(formatNdjson(products[0] as unknown as ProductState)).toBe(line);
    }
  });
});

const columns = [
  'Handle',
  'Title',
  'Body (HTML)',
  'Vendor',
  'Type',
  'Product Category',
  'Tags',
  'Published',
  'Status',
  'Option1 Name',
  'Option1 Value',
];
const more = [
  'Variant SKU',
  'Variant Barcode',
  'Variant Price',
  'Variant Compare At Price',
  'Variant Inventory Qty',
  'Image Src',
  'Image Position',
  'Image Alt Text',
];
const half = 400_000;
/** What is slow where a pattern or a library tries every place of a text anew. */
const texts = ['a', '0', '1', '-', ' b', "'", '<', '&', '<p>', 'A > ', ', ', '.', '1,', 'aA', '%', 'é', '/'].map((unit) =>
  unit.repeat(half / unit.length),
);

describe('a file of cells that are far too long', () => {
  it.each([...columns, ...more])('is read to its end, whatever stands in %s', async (column) => {
    for (const text of [...texts, `0.${'0'.repeat(half)}1`, `${'9'.repeat(half)}x`, `http://${'a'.repeat(half)} `]) {
      const { products, failed } = await readAll(
        inline(csv({ Handle: 'h', Title: 't', 'Variant Price': '1', 'Option1 Name': 'Size', 'Option1 Value': 'M', [column]: text })),
      );
      expect(products.length + failed).toBeLessThanOrEqual(1);
    }
  });

  it('is read to its end as NDJSON too', async () => {
    for (const text of texts) {
      const { products, failed } = await readAll(
        inline(`${JSON.stringify({ slug: text, title: text, description: text, attributes: { [text]: text } })}\n`),
        'ndjson',
      );
      expect([products.length, failed]).toEqual([0, 1]);
    }
  });

  it('may have a header of them', async () => {
    const header = [
      `Option1 ${'a'.repeat(half)}`,
      `${'x '.repeat(1_000)}(product.metafields.${'a.'.repeat(1_000)})`,
      `google shopping / ${' '.repeat(1_000)}`,
    ];
    const { failed } = await readAll(
      inline(csv({ Handle: 'h', Title: 't', 'Variant Price': '1', ...Object.fromEntries(header.map((name) => [name, 'x'])) })),
    );
    expect(failed).toBeLessThanOrEqual(1);
  });
});
