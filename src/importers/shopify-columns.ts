import type { CsvRow } from './csv-rows.js';
import { refuse } from './refusal.js';

/** The columns we read, by the name of Shopify's exports and by the name of its newer template. All others are left alone. */
const names = {
  handle: ['Handle', 'URL handle'],
  title: ['Title'],
  body: ['Body (HTML)', 'Description'],
  vendor: ['Vendor'],
  category: ['Product Category'],
  type: ['Type'],
  tags: ['Tags'],
  published: ['Published', 'Published on online store'],
  status: ['Status'],
  option1Name: ['Option1 Name'],
  option1Value: ['Option1 Value'],
  option2Name: ['Option2 Name'],
  option2Value: ['Option2 Value'],
  option3Name: ['Option3 Name'],
  option3Value: ['Option3 Value'],
  sku: ['Variant SKU', 'SKU'],
  barcode: ['Variant Barcode', 'Barcode'],
  price: ['Variant Price', 'Price'],
  compareAt: ['Variant Compare At Price', 'Compare-at price'],
  tracker: ['Variant Inventory Tracker', 'Inventory tracker'],
  quantity: ['Variant Inventory Qty', 'Inventory quantity'],
  policy: ['Variant Inventory Policy', 'Continue selling when out of stock'],
  imageUrl: ['Image Src', 'Product image URL'],
  imagePosition: ['Image Position'],
  imageAlt: ['Image Alt Text'],
  giftCard: ['Gift Card'],
  seoTitle: ['SEO Title'],
  seoDescription: ['SEO Description'],
} as const;

const required = ['handle', 'title', 'price'] as const;

export type ShopifyColumn = keyof typeof names;

export interface ShopifyColumns {
  /** What the row says in this column: trimmed, empty where the cell is blank or the file has no such column. */
  cell(row: CsvRow, column: ShopifyColumn): string;
  /** What the first of the rows says that says anything. */
  first(rows: readonly CsvRow[], column: ShopifyColumn): { value: string; line: number } | undefined;
  /** The column's name as the file writes it. */
  header(column: ShopifyColumn): string;
  /** Columns that become attributes as they are: Google Shopping fields and metafields of the product. */
  attributes: readonly { key: string; header: string; cell(row: CsvRow): string }[];
}

/**
 * Finds the columns by their names, upper and lower case alike.
 * @throws ImportRefused where a column is missing that a product cannot do without, or one that we read is there twice
 */
export function readShopifyHeader(header: CsvRow): ShopifyColumns {
  const indexes = new Map<string, number[]>();
  for (const [index, name] of header.cells.entries()) indexes.set(fold(name), [...(indexes.get(fold(name)) ?? []), index]);
  const found = new Map<ShopifyColumn, number>();
  for (const [column, spellings] of Object.entries(names) as [ShopifyColumn, readonly string[]][]) {
    const name = spellings.find((spelling) => indexes.has(fold(spelling)));
    const [index, second] = name === undefined ? [] : (indexes.get(fold(name)) ?? []);
    if (second !== undefined) throw refuse(header.line, 'duplicate_column', `the header names the column ${name} twice`, name);
    if (index !== undefined) found.set(column, index);
  }
  const missing = required.filter((column) => !found.has(column)).map((column) => names[column][0]);
  if (missing.length > 0) throw refuse(header.line, 'no_header', `the file has no usable header: there is no column ${missing.join(', ')}`);
  const cell = (row: CsvRow, column: ShopifyColumn) => row.cells[found.get(column) ?? -1] ?? '';
  return {
    cell,
    first(rows, column) {
      for (const row of rows) if (cell(row, column) !== '') return { value: cell(row, column), line: row.line };
      return undefined;
    },
    header: (column) => header.cells[found.get(column) ?? -1] ?? names[column][0],
    attributes: header.cells.flatMap((name, index) => {
      const key = attributeKey(name);
      return key === null ? [] : [{ key, header: name, cell: (row: CsvRow) => row.cells[index] ?? '' }];
    }),
  };
}

function attributeKey(header: string): string | null {
  const metafield = /\(product\.metafields\.([^()\s.]+\.[^()\s]+)\)$/.exec(header)?.[1];
  if (metafield !== undefined) return metafield;
  const google = /^google shopping \/ (.+)$/i.exec(header)?.[1];
  return google === undefined ? null : `googleShopping.${camelCase(google)}`;
}

/** `Google Product Category` to `googleProductCategory`, `MPN` to `mpn`, `AdWords Labels` to `adWordsLabels`. */
function camelCase(words: string): string {
  const [first = '', ...rest] = words.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  const head = first === first.toUpperCase() ? first.toLowerCase() : first.charAt(0).toLowerCase() + first.slice(1);
  return head + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function fold(name: string): string {
  return name.toLowerCase();
}
