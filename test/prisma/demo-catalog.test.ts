import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { parseAmount } from '../../src/catalog/money.js';

const file = readFileSync(new URL('../../prisma/demo/catalog.csv', import.meta.url), 'utf8');
const rows = parse(file, { columns: true }) as Record<string, string>[];
const column = (name: string, from = rows) => from.map((row) => row[name] ?? '');
const heads = rows.filter((row) => row.Title);
const variants = rows.filter((row) => row['Variant Price']);
const images = rows.filter((row) => row['Image Src']);
const walnutDeskLamp = rows.filter((row) => row.Handle === 'walnut-desk-lamp');

describe('the demo catalog', () => {
  it('holds about 40 products, the rows of each together', () => {
    expect(heads.length).toBeGreaterThanOrEqual(38);
    expect(heads.length).toBeLessThanOrEqual(45);
    const runs = rows.filter((row, index) => row.Handle !== rows[index - 1]?.Handle);
    expect(column('Handle', runs)).toEqual(column('Handle', heads));
  });

  it('gives every product its own handle and a title, a vendor, a description and a status', () => {
    expect(repeated(column('Handle', heads))).toEqual([]);
    for (const handle of column('Handle', heads)) expect(handle).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    for (const name of ['Title', 'Vendor', 'Status']) expect(column(name, heads).filter((value) => value.trim() === '')).toEqual([]);
    for (const body of column('Body (HTML)', heads)) expect(body).toMatch(/^<p>.{60,}<\/(p|ul)>$/);
  });

  it('opens with the lamp of the guide: one variant, 89.00, before 109.00', () => {
    expect(rows[0]).toMatchObject({
      Handle: 'walnut-desk-lamp',
      Title: 'Walnut Desk Lamp',
      'Variant Price': '89.00',
      'Variant Compare At Price': '109.00',
    });
    expect(walnutDeskLamp.filter((row) => row['Variant Price'])).toHaveLength(1);
  });

  it('gives every variant its own SKU and a barcode with the right check digit', () => {
    expect(column('Variant SKU', variants)).not.toContain('');
    expect(repeated(column('Variant SKU', variants))).toEqual([]);
    expect(repeated(column('Variant Barcode', variants))).toEqual([]);
    expect(column('Variant Barcode', variants).filter((code) => !isEan13(code))).toEqual([]);
  });

  it('prices every variant in whole cents, above zero and below what it cost before', () => {
    for (const row of variants) {
      const amount = parseAmount(row['Variant Price'] ?? '', 'USD');
      const before = row['Variant Compare At Price'] ? parseAmount(row['Variant Compare At Price'], 'USD') : Number.POSITIVE_INFINITY;
      expect(amount, row['Variant SKU']).toBeGreaterThan(0);
      expect(before, row['Variant SKU']).toBeGreaterThan(amount ?? 0);
    }
  });

  it('never repeats the option values of a product', () => {
    const options = variants.map((row) => [row.Handle, row['Option1 Value'], row['Option2 Value'], row['Option3 Value']].join(' / '));
    expect(repeated(options)).toEqual([]);
  });

  it('loads every image from the service itself, once, and describes it', () => {
    for (const url of column('Image Src', images)) expect(url).toMatch(/^\/media\/demo\/[a-z0-9-]+\.svg$/);
    expect(repeated(column('Image Src', images))).toEqual([]);
    expect(column('Image Alt Text', images)).not.toContain('');
    expect(new Set(column('Handle', images)).size).toBe(heads.length);
  });

  it('sorts its products into at least five trees, no category standing in two places', () => {
    const paths = column('Product Category', heads).map((path) => path.split(' > '));
    expect(new Set(paths.map(([top]) => top)).size).toBeGreaterThanOrEqual(5);
    const parents = new Map<string, string>();
    for (const path of paths) {
      expect([2, 3]).toContain(path.length);
      path.forEach((step, depth) => {
        const parent = path.slice(0, depth).join(' > ');
        expect(parents.get(step) ?? parent, step).toBe(parent);
        parents.set(step, parent);
      });
    }
  });

  it('shows every state a shopper can meet: sold out, made to order, draft and archived', () => {
    expect(
      column('Status', heads)
        .filter((status) => status !== 'active')
        .sort(),
    ).toEqual(['archived', 'draft']);
    const soldOut = variants.filter((row) => row['Variant Inventory Qty'] === '0');
    expect(soldOut.filter((row) => row['Variant Inventory Policy'] === 'deny').length).toBeGreaterThan(3);
    expect(soldOut.filter((row) => row['Variant Inventory Policy'] === 'continue')).toHaveLength(1);
  });
});

function repeated(values: string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

/** GS1: from the left, digits count once and three times in turn; with the check digit the sum is a multiple of ten. */
function isEan13(code: string): boolean {
  return /^\d{13}$/.test(code) && Array.from(code).reduce((sum, digit, index) => sum + Number(digit) * (index % 2 ? 3 : 1), 0) % 10 === 0;
}
