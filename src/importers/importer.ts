import type { ImportFormat, ImportItem } from '../catalog/import.js';
import { readNdjson } from './ndjson.js';
import { readShopify } from './shopify.js';
import type { ImportOptions, ImportSource } from './source.js';

/**
 * Reads a file of one format: products and faults in the order in which products are complete. The file is read to its end before the first
 * item comes, and an `ImportRefused` thrown in that time says that it cannot be read as that format at all.
 */
export type Importer = (open: ImportSource, options: ImportOptions) => AsyncIterable<ImportItem>;

const importers: Record<ImportFormat, Importer> = { shopify: readShopify, ndjson: readNdjson };

export function pickImporter(format: ImportFormat): Importer {
  return importers[format];
}
