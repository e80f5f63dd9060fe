import { sanitizeDescription } from '../catalog/html.js';
import type { ImportedProduct, ImportItem } from '../catalog/import.js';
import type { ProductStatus } from '../catalog/product.js';
import { limits } from '../catalog/product-input.js';
import { createFaults, type Faults } from './faults.js';
import { readProductShape } from './product-shape.js';
import { ownAttributes, readAttributes } from './shopify-attributes.js';
import type { ShopifyGroup } from './shopify-groups.js';
import { readMedia } from './shopify-media.js';
import { readOptions } from './shopify-options.js';
import { slugOf } from './shopify-slug.js';
import { readVariants } from './shopify-variants.js';

/** The rows of one product to the product, or to every reason why it cannot be one. */
export function readShopifyProduct(group: ShopifyGroup, context: { currency: string; isColliding: boolean }): ImportItem {
  const { columns, rows, handle } = group;
  const faults = createFaults();
  const line = rows[0]?.line ?? 0;
  if (handle === '') {
    faults.add(line, columns.header('handle'), 'missing_handle', 'the row names no product: its handle is blank');
    return { faults: faults.list() };
  }
  const variantRows = rows.filter((row) => columns.cell(row, 'price') !== '');
  const slug = slugOf(handle);
  if (slug === null) faults.add(line, columns.header('handle'), 'bad_handle', 'the handle cannot be made into a URL');
  if (context.isColliding) faults.add(line, columns.header('handle'), 'duplicate_handle', `an earlier product of the file has the URL ${slug} too`);
  const title = columns.first(rows, 'title');
  if (!title) faults.add(line, columns.header('title'), 'missing_title', 'no row of the product has a title');
  const options = readOptions(columns, rows, variantRows, faults);
  const variants = readVariants(columns, variantRows, options, context.currency, faults);
  const media = readMedia(columns, rows, faults);
  const shape = readProductShape({
    slug: slug ?? '-',
    title: title?.value ?? '-',
    description: readDescription(group, faults),
    brand: columns.first(rows, 'vendor')?.value ?? null,
    status: readStatus(group, faults),
    categories: readCategories(group),
    tags: [...new Set((columns.first(rows, 'tags')?.value ?? '').split(',').map((tag) => tag.trim()))].filter((tag) => tag !== ''),
    options: options.list,
    attributes: readAttributes(columns, rows),
    media: media.list,
    variants,
  });
  for (const fault of shape.faults ?? []) {
    const [field, index] = fault.path;
    const from = field === 'variants' ? variantRows[Number(index)]?.line : field === 'media' ? media.lines[Number(index)] : undefined;
    faults.add(from ?? line, columnOf(group, fault.path), fault.code, fault.message);
  }
  if (faults.size > 0 || !shape.product) return { faults: faults.list() };
  return { product: { line, ...shape.product, pricesCover: context.currency } };
}

function readDescription({ columns, rows }: ShopifyGroup, faults: Faults): string {
  const body = columns.first(rows, 'body');
  if (body && body.value.length > limits.description) {
    faults.add(body.line, columns.header('body'), 'too_long', `must have at most ${limits.description} characters`);
    return '';
  }
  return sanitizeDescription(body?.value ?? '');
}

/** The status says it where there is one; older exports only know whether a product is published. */
function readStatus({ columns, rows }: ShopifyGroup, faults: Faults): ProductStatus {
  const status = columns.first(rows, 'status');
  if (!status) return columns.first(rows, 'published')?.value.toLowerCase() === 'false' ? 'draft' : 'active';
  const value = status.value.toLowerCase();
  if (value === 'active' || value === 'draft' || value === 'archived') return value;
  // Unlisted: sold to whoever has the link. As active it would stand in every listing, as draft nowhere; neither is ours to choose.
  const message = value === 'unlisted' ? 'a product cannot be unlisted here: make it active or draft' : 'must be active, draft or archived';
  faults.add(status.line, columns.header('status'), 'bad_status', message);
  return 'draft';
}

/** The path in Shopify's own tree, and the shop's own type as a category beside it, unless the path ends in the same word. */
function readCategories({ columns, rows }: ShopifyGroup): ImportedProduct['categories'] {
  const path = (columns.first(rows, 'category')?.value ?? '')
    .split('>')
    .map((step) => ({ title: step.trim() }))
    .filter((step) => step.title !== '');
  const type = columns.first(rows, 'type')?.value;
  const isOwn = type !== undefined && path.at(-1)?.title.toLowerCase() !== type.toLowerCase();
  return [...(path.length > 0 ? [path] : []), ...(isOwn ? [[{ title: type }]] : [])];
}

const columnsByField = {
  slug: 'handle',
  title: 'title',
  description: 'body',
  brand: 'vendor',
  categories: 'category',
  tags: 'tags',
  variants: 'price',
  media: 'imageUrl',
} as const;
const columnsByPart = { sku: 'sku', barcode: 'barcode', alt: 'imageAlt', url: 'imageUrl', options: 'option1Value', title: 'option1Value' } as const;

/** The column from which a field of the product comes. */
function columnOf({ columns, rows }: ShopifyGroup, [field, index, part]: readonly PropertyKey[]): string | undefined {
  if (field === 'attributes') return columns.attributes.find(({ key }) => key === index)?.header ?? ownAttributeHeader(columns, index);
  if (field === 'options') return columns.header('option1Name');
  if (field === 'categories' && (!columns.first(rows, 'category') || Number(index) > 0)) return columns.header('type');
  if ((field === 'variants' || field === 'media') && typeof part === 'string' && part in columnsByPart) {
    return columns.header(columnsByPart[part as keyof typeof columnsByPart]);
  }
  return typeof field === 'string' && field in columnsByField ? columns.header(columnsByField[field as keyof typeof columnsByField]) : undefined;
}

function ownAttributeHeader(columns: ShopifyGroup['columns'], key: PropertyKey | undefined): string | undefined {
  return ownAttributes.some((name) => name === key) ? columns.header(key as (typeof ownAttributes)[number]) : undefined;
}
