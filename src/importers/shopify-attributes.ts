import type { ImportedProduct } from '../catalog/import.js';
import type { CsvRow } from './csv-rows.js';
import type { ShopifyColumns } from './shopify-columns.js';

/**
 * What a product says of itself beyond its own fields. Only columns known to be about the product as shoppers may see it are read: what an
 * item costs the shop, prices for other markets and everything unknown stay outside.
 */
export function readAttributes(columns: ShopifyColumns, rows: readonly CsvRow[]): ImportedProduct['attributes'] {
  const attributes: ImportedProduct['attributes'] = {};
  const own = { type: 'type', seoTitle: 'seoTitle', seoDescription: 'seoDescription' } as const;
  for (const [key, column] of Object.entries(own)) {
    const value = columns.first(rows, column)?.value;
    if (value !== undefined) attributes[key] = value;
  }
  if (columns.first(rows, 'giftCard')?.value.toLowerCase() === 'true') attributes['giftCard'] = true;
  for (const { key, cell } of columns.attributes) {
    const row = rows.find((candidate) => cell(candidate) !== '');
    if (row) attributes[key] ??= cell(row);
  }
  return attributes;
}
