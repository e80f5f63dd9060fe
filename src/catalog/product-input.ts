import { z } from 'zod';
import { Amount, Currency, Price } from './money.js';
import { Json, Media, Product, ProductOption, ProductStatus, Variant } from './product.js';
import { atMost, line, Slug, text, Uuid } from './text.js';

/** `sanitizedDescription` is what `description` can grow to where each character is escaped. */
export const limits = {
  variants: 2048,
  media: 250,
  tags: 250,
  categories: 50,
  options: 10,
  attributesBytes: 100_000,
  description: 200_000,
  sanitizedDescription: 1_000_000,
} as const;

const PriceEdit = z
  .strictObject({ amount: Amount, currency: Currency, compareAt: Amount.nullish(), validUntil: z.null().optional() })
  .meta({ id: 'PriceEdit' });

const VariantEdit = z
  .strictObject({
    id: Uuid.optional().describe('Of an existing variant of this product: what is left out of it stays. Without an id: a new variant'),
    sku: text(255).nullish(),
    barcode: text(255).nullish(),
    title: line(1024).optional().describe('Made of the option values where left out'),
    options: z.record(line(255), line(255)).optional(),
    price: PriceEdit.nullish().describe('The price in one currency; null takes the one in the shop’s own currency away'),
    prices: z.array(PriceEdit).max(200).optional().describe('All prices, instead of `price`'),
    quantity: z
      .int()
      .min(-1_000_000_000)
      .max(1_000_000_000)
      .optional()
      .describe('Sets the stock. A document that is sent back sets it to what it was when it was read: leave it out unless that is meant'),
    policy: z.enum(['deny', 'continue']).optional().describe('continue: sold on when the stock is used up'),
    position: z.int().min(1).max(10_000).optional(),
    available: z.boolean().optional().describe('Read-only, ignored'),
  })
  .meta({ id: 'VariantEdit' });

const readOnly = {
  id: Uuid.optional().describe('Read-only, ignored'),
  priceRange: Product.shape.priceRange.optional().describe('Read-only, ignored'),
  version: z.int().optional().describe('Read-only, ignored: use If-Match'),
  createdAt: z.string().optional().describe('Read-only, ignored'),
  updatedAt: z.string().optional().describe('Read-only, ignored'),
};

/** A change of a product: what is left out stays. Lists are replaced whole. */
export const ProductPatch = z
  .strictObject({
    slug: Slug.optional().describe('Made of the title where left out. The old slug goes on redirecting'),
    title: line(1024).optional(),
    description: text(limits.sanitizedDescription)
      .optional()
      .describe(`HTML, sanitised on the way in; a new one has at most ${limits.description} characters`),
    brand: line(255).nullish(),
    status: ProductStatus.optional(),
    categories: z
      .array(z.strictObject({ slug: Slug, title: line(255).optional() }))
      .max(limits.categories)
      .optional()
      .describe('A slug that does not exist yet is made a top category of that title'),
    tags: z.array(line(255)).max(limits.tags).optional(),
    options: z.array(ProductOption).max(limits.options).optional(),
    attributes: z.record(atMost(255), Json).optional(),
    media: z
      .array(z.strictObject({ url: Media.shape.url, alt: text(1024).nullish(), position: Media.shape.position.optional() }))
      .max(limits.media)
      .optional(),
    variants: z.array(VariantEdit).max(limits.variants).optional().describe('Replaces all: one that is left out is deleted'),
    ...readOnly,
  })
  .meta({ id: 'ProductPatch' });
export type ProductPatch = z.infer<typeof ProductPatch>;
export type VariantEdit = z.infer<typeof VariantEdit>;

/** A new product: a title is all it needs. */
export const NewProduct = ProductPatch.extend({ title: line(1024) }).meta({ id: 'NewProduct' });

/** The full document that editors get: a product with its prices in every currency and its stock. */
export const AdminProduct = Product.extend({
  variants: z.array(Variant.extend({ prices: z.array(Price), quantity: z.int(), policy: z.enum(['deny', 'continue']) }).meta({ id: 'AdminVariant' })),
}).meta({ id: 'AdminProduct' });
export type AdminProduct = z.infer<typeof AdminProduct>;

export const PriceChange = z
  .strictObject({ currency: Currency, amount: Amount, compareAt: Amount.nullable().optional().describe('Left out: stays. null: taken away') })
  .meta({ id: 'PriceChange' });
export type PriceChange = z.infer<typeof PriceChange>;

export const PriceChanged = z
  .strictObject({ variantId: Uuid, productId: Uuid, slug: Slug, price: Price, version: z.int().min(1) })
  .meta({ id: 'PriceChanged' });
export type PriceChanged = z.infer<typeof PriceChanged>;
