import { type CsvRow, readCsvRows } from './csv-rows.js';
import { refuse } from './refusal.js';
import { readShopifyHeader, type ShopifyColumns } from './shopify-columns.js';
import { slugOf } from './shopify-slug.js';

/** What the check keeps of every product, its handle, stays below 200 MB with this many. */
const maxProducts = 1_000_000;

/** What one pass over the whole file tells: it can be read, and how many rows each product has that has more than one. */
export interface ShopifySurvey {
  rowsByHandle: Map<string, number>;
  /** Handles whose slug an earlier handle of the file has taken. */
  colliding: Set<string>;
  /** Whether the rows of some product do not stand together. */
  scattered: boolean;
}

/** One product's rows in the order of the file. The handle is empty for a row that names none. */
export interface ShopifyGroup {
  handle: string;
  rows: CsvRow[];
  columns: ShopifyColumns;
}

type Bytes = AsyncIterable<Uint8Array>;
type OnBytes = ((bytes: number) => void) | undefined;

/** @throws ImportRefused where the file cannot be read as a Shopify product CSV, or one product alone is more than may wait */
export async function surveyShopify(bytes: Bytes, maxWaitingBytes: number, onBytes?: OnBytes): Promise<ShopifySurvey> {
  const survey: ShopifySurvey = { rowsByHandle: new Map(), colliding: new Set(), scattered: false };
  const slugTakers = new Set<string>();
  let last = '';
  let lastBytes = 0;
  for await (const { row, handle } of handledRows(bytes, onBytes)) {
    if (handle === '') continue;
    const rows = survey.rowsByHandle.get(handle);
    if (rows === undefined) {
      if (survey.rowsByHandle.size === maxProducts)
        throw refuse(row.line, 'too_many_products', `the file has more than ${maxProducts} products; split it`);
      const slug = slugOf(handle);
      if (slug !== null && (slugTakers.has(slug) || (slug !== handle && survey.rowsByHandle.has(slug)))) survey.colliding.add(handle);
      else if (slug !== null && slug !== handle) slugTakers.add(slug);
    } else if (handle !== last) survey.scattered = true;
    survey.rowsByHandle.set(handle, (rows ?? 0) + 1);
    lastBytes = sizeOf(row) + (handle === last ? lastBytes : 0);
    if (lastBytes > maxWaitingBytes) throw refuse(row.line, 'product_too_large', `the product ${handle} has more rows than can be imported at once`);
    last = handle;
  }
  // Files of a million products are files of small ones: what needs no remembering is let go before the products themselves are built.
  for (const [handle, rows] of survey.rowsByHandle) if (rows === 1) survey.rowsByHandle.delete(handle);
  return survey;
}

/**
 * The products of a surveyed file, each as soon as its last row is read.
 * @throws ImportRefused where rows lie so far apart that more than `maxWaitingBytes` would have to wait
 */
export async function* groupShopifyRows(
  bytes: Bytes,
  survey: ShopifySurvey,
  maxWaitingBytes: number,
  onBytes?: OnBytes,
): AsyncGenerator<ShopifyGroup> {
  const waiting = new Map<string, { rows: CsvRow[]; bytes: number }>();
  let waitingBytes = 0;
  for await (const { row, handle, columns } of handledRows(bytes, onBytes)) {
    if (handle === '') {
      yield { handle, rows: [row], columns };
      continue;
    }
    const group = waiting.get(handle) ?? { rows: [], bytes: 0 };
    group.rows.push(row);
    const size = sizeOf(row);
    group.bytes += size;
    waitingBytes += size;
    if (group.rows.length === (survey.rowsByHandle.get(handle) ?? 1)) {
      waiting.delete(handle);
      waitingBytes -= group.bytes;
      yield { handle, rows: group.rows, columns };
      continue;
    }
    waiting.set(handle, group);
    if (waitingBytes > maxWaitingBytes)
      throw refuse(row.line, 'scattered_rows', 'rows of the same product lie too far apart; sort the file by Handle');
  }
}

async function* handledRows(bytes: Bytes, onBytes: OnBytes): AsyncGenerator<{ row: CsvRow; handle: string; columns: ShopifyColumns }> {
  let columns: ShopifyColumns | undefined;
  for await (const row of readCsvRows(bytes, onBytes)) {
    if (columns) yield { row, handle: columns.cell(row, 'handle'), columns };
    else columns = readShopifyHeader(row);
  }
  if (!columns) throw refuse(1, 'no_header', 'the file is empty');
}

/** Roughly what a row takes in memory. */
function sizeOf(row: CsvRow): number {
  return row.cells.reduce((sum, cell) => sum + 8 + (cell === '' ? 0 : 24 + 2 * cell.length), 64);
}
