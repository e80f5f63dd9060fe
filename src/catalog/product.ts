import { z } from 'zod';
import { Money, Price } from './money.js';
import { atMost, line, Slug, text, Uuid } from './text.js';

export const ProductStatus = z.enum(['draft', 'active', 'archived']).meta({ id: 'ProductStatus' });
export type ProductStatus = z.infer<typeof ProductStatus>;

/** Whatever a JSON parser gives. `z.json()` says the same and publishes a reference to itself that leads nowhere. */
export const Json = z.custom<z.core.util.JSONType>().describe('Any JSON');

export const CategoryRef = z.strictObject({ slug: Slug, title: text(255) }).meta({ id: 'CategoryRef' });
/** As many values as a product may have variants: each can have one of its own. */
export const ProductOption = z.strictObject({ name: line(255), values: z.array(line(255)).max(2048) }).meta({ id: 'ProductOption' });
export const Media = z
  .strictObject({
    url: atMost(2048).regex(/^(https?:\/\/|\/)[^\s\u0000]+$/, 'must be an http(s) URL or a path from the root'),
    alt: text(1024).nullable(),
    position: z.int().min(1).max(10_000),
  })
  .meta({ id: 'Media' });

export const Variant = z
  .strictObject({
    id: Uuid,
    sku: text(255).nullable(),
    barcode: text(255).nullable(),
    title: text(1024),
    options: z.record(z.string(), z.string()).describe('The value of each of the product’s options: { "Size": "M" }'),
    price: Price.nullable().describe('null where the variant has no price in the currency asked for'),
    available: z.boolean(),
    position: z.int(),
  })
  .meta({ id: 'Variant' });
export type Variant = z.infer<typeof Variant>;

export const PriceRange = z.strictObject({ min: Money, max: Money }).meta({ id: 'PriceRange' });

export const Product = z
  .strictObject({
    id: Uuid,
    slug: Slug,
    title: text(1024),
    description: z.string().describe('HTML, sanitised'),
    brand: z.string().nullable(),
    status: ProductStatus,
    categories: z.array(CategoryRef),
    tags: z.array(z.string()),
    options: z.array(ProductOption),
    attributes: z.record(z.string(), Json),
    media: z.array(Media),
    variants: z.array(Variant),
    priceRange: PriceRange.nullable(),
    version: z.int().min(1),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product' });
export type Product = z.infer<typeof Product>;

export const Summary = z
  .strictObject({
    id: Uuid,
    slug: Slug,
    title: text(1024),
    brand: z.string().nullable(),
    image: z.strictObject({ url: z.string(), alt: z.string().nullable() }).nullable(),
    price: Price.nullable().describe('The lowest price of its variants'),
    priceVaries: z.boolean(),
    available: z.boolean(),
    version: z.int().min(1),
  })
  .meta({ id: 'Summary' });
export type Summary = z.infer<typeof Summary>;

/** The document as it is stored in the caches: one per product, with the prices of every currency. Written by one SQL statement. */
export interface ProductRecord {
  id: string;
  slug: string;
  title: string;
  description: string;
  brand: string | null;
  status: ProductStatus;
  categories: { slug: string; title: string }[];
  tags: string[];
  options: { name: string; values: string[] }[];
  attributes: Record<string, z.core.util.JSONType>;
  media: { url: string; alt: string | null; position: number }[];
  variants: VariantRecord[];
  available: boolean;
  version: number;
  createdAt: string;
  updatedAt: string;
}

export interface VariantRecord {
  id: string;
  sku: string | null;
  barcode: string | null;
  title: string;
  options: Record<string, string>;
  /** By currency, in minor units. */
  prices: Record<string, { amount: number; compareAt: number | null }>;
  available: boolean;
  position: number;
}

/** The product as a shopper in one currency sees it. */
export function toProduct(record: ProductRecord, currency: string): Product {
  const { available: _, variants, ...rest } = record;
  const product = {
    ...rest,
    variants: variants.map(({ prices: _prices, available, position, ...variant }, index) => ({
      ...variant,
      price: priceOf(variants[index], currency),
      available,
      position,
    })),
    priceRange: priceRangeOf(record, currency),
  };
  const { version, createdAt, updatedAt, ...head } = product;
  return { ...head, version, createdAt, updatedAt };
}

/** The product as one card of a listing. */
export function toSummary(record: ProductRecord, currency: string): Summary {
  const range = priceRangeOf(record, currency);
  const lowest = range && record.variants.map((variant) => priceOf(variant, currency)).find((price) => price?.amount === range.min.amount);
  const image = record.media[0];
  return {
    id: record.id,
    slug: record.slug,
    title: record.title,
    brand: record.brand,
    image: image ? { url: image.url, alt: image.alt } : null,
    price: lowest ?? null,
    priceVaries: range !== null && range.min.amount !== range.max.amount,
    available: record.available,
    version: record.version,
  };
}

export function priceOf(variant: VariantRecord | undefined, currency: string): Price | null {
  const price = variant && Object.hasOwn(variant.prices, currency) ? variant.prices[currency] : undefined;
  return price ? { amount: price.amount, currency, compareAt: price.compareAt, validUntil: null } : null;
}

function priceRangeOf(record: ProductRecord, currency: string): Product['priceRange'] {
  const amounts = record.variants.flatMap((variant) => priceOf(variant, currency)?.amount ?? []);
  if (amounts.length === 0) return null;
  return { min: { amount: Math.min(...amounts), currency }, max: { amount: Math.max(...amounts), currency } };
}
