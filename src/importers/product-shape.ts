import { z } from 'zod';
import type { ImportedProduct } from '../catalog/import.js';
import { Amount, Currency, isKnownCurrency } from '../catalog/money.js';
import { Media, ProductStatus } from '../catalog/product.js';
import { limits } from '../catalog/product-input.js';
import { Slug, text, Uuid } from '../catalog/text.js';
import type { ShapeFault } from './faults.js';
import { findUnstorable } from './storable.js';

type ShapedProduct = Omit<ImportedProduct, 'line' | 'pricesCover'>;

/** Like `line` of the catalog, but the text stays as it is: an export comes back exactly. */
const said = (max: number) => text(max).refine((value) => value.trim() !== '', 'must not be blank');

const list = <T extends z.ZodType>(item: T, max: number, keyOf: (value: z.output<T>) => string, what: string) =>
  z
    .array(item)
    .max(max)
    .refine((values) => new Set(values.map(keyOf)).size === values.length, `must not have the same ${what} twice`);

const Step = z.strictObject({ slug: Slug.optional(), title: said(255) });
const StoredPrice = z.strictObject({
  currency: Currency.refine(isKnownCurrency, 'must be an ISO 4217 currency code'),
  amount: Amount,
  compareAt: Amount.nullable(),
});

const Variant = z.strictObject({
  id: Uuid.optional(),
  sku: text(255).nullable(),
  barcode: text(255).nullable(),
  title: said(1024),
  options: z.record(z.string().max(255), said(255)),
  position: z.int().min(1).max(10_000),
  prices: list(StoredPrice, 200, ({ currency }) => currency, 'currency').transform((prices) =>
    prices.toSorted((a, b) => (a.currency < b.currency ? -1 : 1)),
  ),
  quantity: z.int().min(-1_000_000_000).max(1_000_000_000),
  policy: z.enum(['deny', 'continue']),
});

const Shape = z
  .strictObject({
    id: Uuid.optional(),
    slug: Slug,
    title: said(1024),
    // Escaping makes a text longer, by five at most.
    description: text(5 * limits.description),
    brand: said(255).nullable(),
    status: ProductStatus,
    categories: list(
      z.array(Step).min(1).max(20),
      limits.categories,
      (path) => JSON.stringify(path.map(({ title }) => title.toLowerCase())),
      'category',
    ),
    tags: list(said(255), limits.tags, (tag) => tag, 'tag'),
    options: list(z.strictObject({ name: said(255), values: z.array(said(255)).max(limits.variants) }), limits.options, ({ name }) => name, 'option'),
    attributes: z
      .record(z.string().max(255), z.json())
      .refine(
        (attributes) => JSON.stringify(attributes).length <= limits.attributesBytes,
        `must have at most ${limits.attributesBytes} characters of JSON`,
      ),
    media: list(Media, limits.media, ({ url }) => url, 'URL'),
    variants: z.array(Variant).max(limits.variants),
    previousSlugs: z
      .array(Slug)
      .max(10_000)
      .transform((slugs) => slugs.toSorted())
      .optional(),
    createdAt: z.iso
      .datetime({ offset: true })
      .transform((time) => new Date(time).toISOString())
      .optional(),
  })
  .superRefine(({ options, variants }, context) => {
    const names = new Set(options.map(({ name }) => name));
    const ids = new Set<string>();
    variants.forEach((variant, index) => {
      const unknown = Object.keys(variant.options).find((name) => !names.has(name));
      if (unknown !== undefined)
        context.addIssue({ code: 'custom', path: ['variants', index, 'options'], message: `the product has no option ${unknown}` });
      if (variant.id !== undefined && ids.has(variant.id))
        context.addIssue({ code: 'custom', path: ['variants', index, 'id'], message: 'an earlier variant has this id' });
      if (variant.id !== undefined) ids.add(variant.id);
    });
  });

/** Whatever an importer read, to a product within every limit of the catalog, or to what stands against it. */
export function readProductShape(value: unknown): { product: ShapedProduct; faults?: undefined } | { product?: undefined; faults: ShapeFault[] } {
  // Before zod: it recurses as deep as the value goes, and leaves out the one key that JavaScript treats in its own way.
  const unstorable = findUnstorable(value);
  if (unstorable) return { faults: [unstorable] };
  const parsed = Shape.safeParse(value);
  return parsed.success ? { product: parsed.data } : { faults: parsed.error.issues.map(toFault) };
}

function toFault(issue: z.core.$ZodIssue): ShapeFault {
  if (issue.code === 'unrecognized_keys') return { path: issue.path, code: 'unknown_field', message: `there is no field ${issue.keys.join(', ')}` };
  if (issue.code === 'too_big' && issue.origin === 'string')
    return { path: issue.path, code: 'too_long', message: `must have at most ${issue.maximum} characters` };
  if (issue.code === 'too_big' && issue.origin === 'array')
    return { path: issue.path, code: 'too_many', message: `must be at most ${issue.maximum}` };
  const isOutOfRange = issue.code === 'too_big' || issue.code === 'too_small';
  return { path: issue.path, code: isOutOfRange ? 'out_of_range' : 'bad_value', message: issue.message };
}
