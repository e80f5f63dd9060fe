import { sanitizeDescription } from '../catalog/html.js';
import type { ImportItem } from '../catalog/import.js';
import { createFaults } from './faults.js';
import { readProductShape } from './product-shape.js';
import { refuse } from './refusal.js';
import type { ImportOptions, ImportSource } from './source.js';
import { readUtf8 } from './utf8-text.js';

const maxLineCharacters = 16 * 2 ** 20;

/**
 * Products of our own export: one JSON object a line, as `formatNdjson` writes it. Ids, `createdAt` and `previousSlugs` may be left out. The
 * currency of the options is not needed: each price says its own.
 * @throws ImportRefused before the first item, where a line is not UTF-8, not JSON or too long
 */
export async function* readNdjson(open: ImportSource, options: ImportOptions): AsyncGenerator<ImportItem> {
  const report = (phase: 'check' | 'read') => (bytes: number) => options.onProgress?.({ phase, bytes });
  for await (const { line, text } of readLines(open(), report('check'))) parse(line, text);
  const linesByKey = new Map<string, number>();
  for await (const { line, text } of readLines(open(), report('read'))) yield readProduct(line, parse(line, text), linesByKey);
}

function parse(line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(line, 'not_json', 'the line is not JSON');
  }
}

function readProduct(line: number, value: unknown, linesByKey: Map<string, number>): ImportItem {
  const faults = createFaults();
  const { product, faults: shapeFaults = [] } = readProductShape(value);
  for (const { path, code, message } of shapeFaults) faults.add(line, path.length > 0 ? path.join('.') : undefined, code, message);
  if (!product) return { faults: faults.list() };
  for (const column of ['slug', 'id'] as const) {
    const key = `${column}:${product[column]}`;
    const before = product[column] === undefined ? undefined : linesByKey.get(key);
    if (before !== undefined) faults.add(line, column, 'duplicate_product', `the product of line ${before} has the same ${column}`);
    else if (product[column] !== undefined) linesByKey.set(key, line);
  }
  if (faults.size > 0) return { faults: faults.list() };
  return { product: { line, ...product, description: sanitizeDescription(product.description), pricesCover: 'all' } };
}

/** The lines that are not blank. */
async function* readLines(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncGenerator<{ line: number; text: string }> {
  let line = 1;
  let open = '';
  for await (const chunk of readUtf8(chunks, onBytes)) {
    const [first = '', ...rest] = chunk.split('\n');
    open += first;
    for (const next of rest) {
      if (open.trim() !== '') yield { line, text: open };
      line += 1;
      open = next;
    }
    if (open.length > maxLineCharacters) throw refuse(line, 'line_too_long', `the line has more than ${maxLineCharacters} characters`);
  }
  if (open.trim() !== '') yield { line, text: open };
}
