import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ImportedProduct, ImportFault, ImportFormat } from '../../src/catalog/import.js';
import { pickImporter } from '../../src/importers/importer.js';
import { ImportRefused } from '../../src/importers/refusal.js';
import type { ImportSource } from '../../src/importers/source.js';

export interface ReadFile {
  products: ImportedProduct[];
  faults: ImportFault[];
  failed: number;
}

export function fixture(name: string): ImportSource {
  return () => createReadStream(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)));
}

/** A file as it would come over the wire, in chunks of `size` bytes. */
export function inline(content: string | Uint8Array, size = 65_536): ImportSource {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
}

export async function readAll(open: ImportSource, format: ImportFormat = 'shopify', currency = 'USD'): Promise<ReadFile> {
  const read: ReadFile = { products: [], faults: [], failed: 0 };
  for await (const item of pickImporter(format)(open, { currency })) {
    if (item.product) read.products.push(item.product);
    else {
      read.faults.push(...item.faults);
      read.failed += 1;
    }
  }
  return read;
}

/** Why the file is refused. Fails where it is not, or where something came out before. */
export async function refusalOf(open: ImportSource, format: ImportFormat = 'shopify'): Promise<ImportFault> {
  let items = 0;
  try {
    for await (const _ of pickImporter(format)(open, { currency: 'USD' })) items += 1;
  } catch (error) {
    if (error instanceof ImportRefused && items === 0) return error.fault;
    throw error;
  }
  throw new Error(`the file is not refused, ${items} items came out of it`);
}

/** A CSV of these columns whose rows are given by name. */
export function csv(...rows: Record<string, string>[]): string {
  const header = [...new Set(['Handle', 'Title', 'Variant Price', ...rows.flatMap((row) => Object.keys(row))])];
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  return [header, ...rows.map((row) => header.map((name) => row[name] ?? ''))].map((cells) => cells.map(quoted).join(',')).join('\n');
}
