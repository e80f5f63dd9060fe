import { z } from 'zod';
import type { ProductState, VariantState } from './product-state.js';
import { Uuid } from './text.js';

export const ImportFormat = z.enum(['shopify', 'ndjson']);
export type ImportFormat = z.infer<typeof ImportFormat>;

export const ImportFault = z
  .strictObject({
    line: z.int().describe('Line of the file, the first is 1'),
    column: z.string().optional().describe('Name of the column or field, where the fault sits in one'),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'ImportFault' });
export type ImportFault = z.infer<typeof ImportFault>;

export const ImportReport = z
  .strictObject({
    products: z.strictObject({ created: z.int(), updated: z.int(), unchanged: z.int(), failed: z.int() }),
    variants: z.int().describe('Variants of the products of the file that did not fail'),
    images: z.int().describe('Distinct image URLs per product, of the products that did not fail'),
    errors: z.array(ImportFault),
  })
  .meta({ id: 'ImportReport' });
export type ImportReport = z.infer<typeof ImportReport>;

/** Of an import that has done nothing yet. */
export function emptyReport(): ImportReport {
  return { products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, variants: 0, images: 0, errors: [] };
}

export const ImportJob = z
  .strictObject({
    id: Uuid,
    state: z
      .enum(['queued', 'running', 'done', 'refused', 'failed'])
      .describe('refused: the file cannot be read as that format and nothing was written'),
    format: ImportFormat,
    currency: z.string(),
    dryRun: z.boolean(),
    report: ImportReport.nullable().describe('While it is running: what is done so far, a second old at most. Null where it never began'),
    detail: z.string().nullable(),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ImportJob' });
export type ImportJob = z.infer<typeof ImportJob>;

/**
 * One product as another shop's file tells it. Ids are only there where the file carries them (our own NDJSON). `pricesCover` says which
 * prices the file speaks of: one currency (the others are kept as they stand) or all of them.
 */
export interface ImportedProduct extends Omit<ProductState, 'id' | 'createdAt' | 'previousSlugs' | 'variants'> {
  /** The line of the file on which the product begins. */
  line: number;
  id?: string | undefined;
  createdAt?: string | undefined;
  previousSlugs?: string[] | undefined;
  variants: (Omit<VariantState, 'id'> & { id?: string | undefined })[];
  pricesCover: 'all' | string;
}

/** What an importer yields, in the order of the file: a product, or why one was left out. */
export type ImportItem = { product: ImportedProduct; faults?: undefined } | { product?: undefined; faults: ImportFault[] };
