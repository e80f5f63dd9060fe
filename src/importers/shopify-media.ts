import type { ImportedProduct } from '../catalog/import.js';
import { Media } from '../catalog/product.js';
import type { CsvRow } from './csv-rows.js';
import type { Faults } from './faults.js';
import type { ShopifyColumns } from './shopify-columns.js';

/**
 * The images of one product, each URL once, in the order of their positions and then of the file. `lines` tells where each comes from.
 * An image that only `Variant Image` names is not among them: exports name the product's images by `Image Src`.
 */
export function readMedia(columns: ShopifyColumns, rows: readonly CsvRow[], faults: Faults): { list: ImportedProduct['media']; lines: number[] } {
  const images = new Map<string, { url: string; alt: string | null; position: number; line: number }>();
  let highest = 0;
  for (const row of rows) {
    // A space in a URL can only mean itself.
    const url = columns.cell(row, 'imageUrl').replaceAll(' ', '%20');
    if (url === '') continue;
    const alt = columns.cell(row, 'imageAlt') || null;
    const known = images.get(url);
    if (known) {
      known.alt ??= alt;
      continue;
    }
    if (!Media.shape.url.safeParse(url).success) {
      faults.add(
        row.line,
        columns.header('imageUrl'),
        'bad_image_url',
        'must be an http(s) URL or a path from the root, without white space, of at most 2048 characters',
      );
    }
    const position = readPosition(columns, row, faults) ?? highest + 1;
    highest = Math.max(highest, position);
    images.set(url, { url, alt, position, line: row.line });
  }
  const sorted = [...images.values()].sort((a, b) => a.position - b.position);
  return { list: sorted.map(({ url, alt }, index) => ({ url, alt, position: index + 1 })), lines: sorted.map(({ line }) => line) };
}

function readPosition(columns: ShopifyColumns, row: CsvRow, faults: Faults): number | null {
  const cell = columns.cell(row, 'imagePosition');
  if (cell === '') return null;
  // `1.0` is what programs make of a one where other rows of the column are blank.
  if (/^\d{1,9}(\.0*)?$/.test(cell)) return Number(cell);
  faults.add(row.line, columns.header('imagePosition'), 'bad_image_position', 'must be a whole number');
  return null;
}
