import fc from 'fast-check';
import { nastyText } from './broken-arbitrary.js';

const columns = [
  'Handle',
  'Title',
  'Body (HTML)',
  'Vendor',
  'Tags',
  'Status',
  'Option1 Name',
  'Option1 Value',
  'Variant SKU',
  'Variant Price',
  'Image Src',
];
const cell = fc.oneof(
  fc.constantFrom(
    '',
    'lamp',
    'Lamp',
    'S',
    '19.99',
    '0',
    'active',
    'Size',
    'https://img.example/a.jpg',
    '=1+1',
    '@SUM(A1)',
    '<script>alert(1)</script>',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  nastyText,
);
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** A file as Shopify exports it, with whatever in its cells. */
const csv = fc
  .tuple(fc.subarray(columns, { minLength: 1 }), fc.array(fc.array(cell, { minLength: columns.length, maxLength: columns.length }), { maxLength: 4 }))
  .map(([header, rows]) => [header.join(','), ...rows.map((row) => row.slice(0, header.length).map(quote).join(','))].join('\n'));

const line = fc
  .record({
    slug: fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom('__proto__', 'constructor', '../x')),
    title: fc.string({ unit: 'grapheme', maxLength: 12 }),
    status: fc.constantFrom('active', 'draft', 'archived', 'gone'),
    attributes: fc.oneof(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), fc.constant({ __proto__: null })),
  })
  .map((product) => JSON.stringify(product));
const ndjson = fc
  .array(fc.oneof({ weight: 4, arbitrary: line }, { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) }), { maxLength: 3 })
  .map((lines) => lines.join('\n'));

/** Bodies of an import: every one of them is a file, and what is wrong with it is told by the job. */
export const importFiles: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: csv.map((text) => Buffer.from(text.toWellFormed())) },
  { weight: 3, arbitrary: ndjson.map((text) => Buffer.from(text.toWellFormed())) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('', '\ufeff', 'Handle', 'Handle,Title\n"', 'Handle,Title\na', '\0', 'Handle\r\rTitle')
      .map((text) => Buffer.from(text)),
  },
);
