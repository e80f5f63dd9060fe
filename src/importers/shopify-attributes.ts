import type { ImportedProduct } from '../catalog/import.js';
import type { CsvRow } from './csv-rows.js';
import type { ShopifyColumns } from './shopify-columns.js';

/** Attributes named like the columns they come from. */
export const ownAttributes = ['type', 'seoTitle', 'seoDescription'] as const;

/**
 * What a product says of itself beyond its own fields. Only columns known to be about the product as shoppers may see it are read: what an
 * item costs the shop, prices for other markets and everything unknown stay outside.
 */
export function readAttributes(columns: ShopifyColumns, rows: readonly CsvRow[]): ImportedProduct['attributes'] {
  const attributes: ImportedProduct['attributes'] = {};
  for (const name of ownAttributes) {
    const value = columns.first(rows, name)?.value;
    if (value !== undefined) attributes[name] = value;
  }
  if (columns.first(rows, 'giftCard')?.value.toLowerCase() === 'true') attributes.giftCard = true;
  for (const { key, cell } of columns.attributes) {
    const row = rows.find((candidate) => cell(candidate) !== '');
    if (row) attributes[key] ??= cell(row);
  }
  return attributes;
}
