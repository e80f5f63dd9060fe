import type { ImportedProduct } from '../catalog/import.js';
import { parseAmount } from '../catalog/money.js';
import type { StockPolicy } from '../catalog/product-state.js';
import type { CsvRow } from './csv-rows.js';
import type { Faults } from './faults.js';
import type { ShopifyColumn, ShopifyColumns } from './shopify-columns.js';
import type { ShopifyOptions } from './shopify-options.js';

type ImportedVariant = ImportedProduct['variants'][number];

/** The variants of one product in the order of the file, priced in `currency`. */
export function readVariants(
  columns: ShopifyColumns,
  rows: readonly CsvRow[],
  options: ShopifyOptions,
  currency: string,
  faults: Faults,
): ImportedVariant[] {
  const linesByValues = new Map<string, number>();
  return rows.map((row, index) => {
    const values = options.valuesOf(row);
    const before = linesByValues.get(JSON.stringify(values));
    if (before === undefined) linesByValues.set(JSON.stringify(values), row.line);
    else faults.add(row.line, columns.header('option1Value'), 'duplicate_variant', `the variant of line ${before} has the same option values`);
    return {
      sku: readCode(columns.cell(row, 'sku')),
      barcode: readCode(columns.cell(row, 'barcode')),
      title: values.join(' / ') || 'Default Title',
      options: Object.fromEntries(options.list.map(({ name }, at) => [name, values[at] ?? ''])),
      position: index + 1,
      prices: [{ currency, amount: readAmount('price', 'bad_price') ?? 0, compareAt: readAmount('compareAt', 'bad_compare_at') }],
      ...readStock(columns, row, faults),
    };

    function readAmount(column: ShopifyColumn, code: string): number | null {
      const cell = columns.cell(row, column);
      const amount = cell === '' ? null : parseAmount(cell, currency);
      if (cell !== '' && amount === null)
        faults.add(row.line, columns.header(column), code, `is not a plain amount in ${currency}, such as 19 or 7.5, that the currency can pay`);
      return amount;
    }
  });
}

/** Codes are text, a leading zero included. Excel users put an apostrophe before them to keep it so. */
function readCode(cell: string): string | null {
  return cell.replace(/^'/, '').trim() || null;
}

/**
 * A variant without quantity and without tracker is one whose stock nobody counts: it is sold on and on. A program that had a gap in the
 * column has often made `3.0` of its threes.
 */
function readStock(columns: ShopifyColumns, row: CsvRow, faults: Faults): { quantity: number; policy: StockPolicy } {
  const quantity = columns.cell(row, 'quantity');
  const policy = columns.cell(row, 'policy').toLowerCase();
  const isWhole = /^[+-]?\d{1,9}(\.0*)?$/.test(quantity);
  if (quantity !== '' && !isWhole) faults.add(row.line, columns.header('quantity'), 'bad_quantity', 'must be a whole number of at most nine digits');
  if (!['', 'deny', 'continue'].includes(policy)) faults.add(row.line, columns.header('policy'), 'bad_policy', 'must be deny or continue');
  const isCounted = quantity !== '' || columns.cell(row, 'tracker') !== '';
  return { quantity: (isWhole && Number(quantity)) || 0, policy: !isCounted || policy === 'continue' ? 'continue' : 'deny' };
}
