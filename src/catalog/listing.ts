import { z } from 'zod';
import { Currency, maxAmountMinor } from './money.js';
import { Summary } from './product.js';
import { line, Slug } from './text.js';

export const ListingSort = z.enum(['newest', 'price', '-price', 'title', 'relevance']);
export type ListingSort = z.infer<typeof ListingSort>;

export const defaultLimit = 24;

/** One listing, all its defaults filled in: what the database is asked and what the cache key is made of. */
export interface ListingQuery {
  /** Slug of a category; its descendants count. */
  category?: string;
  /** Name of a brand, upper and lower case alike. */
  brand?: string;
  tag?: string;
  q?: string;
  /** Bounds on the lowest price in `currency`, in minor units, both inclusive. */
  priceMin?: number;
  priceMax?: number;
  available?: boolean;
  /** Name of an option to its value. All must hold for one and the same variant. */
  options: Record<string, string>;
  currency: string;
  sort: ListingSort;
  limit: number;
  after?: ListingPosition;
}

/**
 * The place behind the last product of a page. `key` is the value of the sort: RFC 3339 time with microseconds for newest, minor units for
 * price and -price, folded title for title, rank for relevance; null among the products without a price, which stand last in both orders.
 */
export interface ListingPosition {
  key: string | number | null;
  id: string;
}

/** The ids of one page in their order. `next` is null on the last page. */
export interface ListingPage {
  ids: string[];
  next: ListingPosition | null;
}

export const Page = z
  .strictObject({
    data: z.array(Summary),
    page: z.strictObject({ limit: z.int(), nextCursor: z.string().nullable() }),
  })
  .meta({ id: 'Page' });
export type Page = z.infer<typeof Page>;

/** A whole number as a query string writes it: digits, and nothing else that Number() reads a number into. */
const whole = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .meta({ type: 'integer', minimum, maximum, pattern: undefined });

export const ListingParameters = z.strictObject({
  category: Slug.optional().describe('Slug of a category; products of its descendants are included'),
  brand: line(255).optional(),
  tag: line(255).optional(),
  q: line(200).optional().describe('Full text: words, "a phrase", -without, or'),
  priceMin: whole(0, maxAmountMinor).optional().describe('Minor units of the currency'),
  priceMax: whole(0, maxAmountMinor).optional().describe('Minor units of the currency'),
  available: z.enum(['true', 'false']).optional(),
  currency: Currency.optional(),
  sort: ListingSort.optional().describe('newest unless told; relevance needs q'),
  limit: whole(1, 100).optional(),
  // Sorted by title, a cursor holds one: up to 1024 characters of four bytes, in base64.
  cursor: z.string().min(1).max(8192).optional().describe('nextCursor of the page before'),
});
export type ListingParameters = z.infer<typeof ListingParameters>;
