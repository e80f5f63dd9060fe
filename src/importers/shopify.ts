import type { ImportItem } from '../catalog/import.js';
import { requireCurrency } from '../catalog/money.js';
import { groupShopifyRows, surveyShopify } from './shopify-groups.js';
import { readShopifyProduct } from './shopify-product.js';
import type { ImportOptions, ImportSource } from './source.js';

const maxWaitingBytesByDefault = 64 * 2 ** 20;

/**
 * Products of a Shopify product CSV, each when its last row is read. Rows of one product need not stand together.
 * @throws ImportRefused before the first item, where the file as a whole cannot be read
 * @throws AppError `unknown_currency`
 */
export async function* readShopify(open: ImportSource, options: ImportOptions): AsyncGenerator<ImportItem> {
  requireCurrency(options.currency);
  const { maxWaitingBytes = maxWaitingBytesByDefault } = options;
  const report = (phase: 'check' | 'read') => (bytes: number) => options.onProgress?.({ phase, bytes });
  const survey = await surveyShopify(open(), maxWaitingBytes, report('check'));
  if (survey.scattered) await rehearse(groupShopifyRows(open(), survey, maxWaitingBytes, report('check')));
  for await (const group of groupShopifyRows(open(), survey, maxWaitingBytes, report('read'))) {
    yield readShopifyProduct(group, { currency: options.currency, isColliding: survey.colliding.has(group.handle) });
  }
}

/** Only a file whose products are scattered can hold too much back; whether it does must be known before anything is written. */
async function rehearse(groups: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of groups);
}
