import type { StoredPrice } from './money.js';
import type { ProductRecord, ProductStatus } from './product.js';

/** What happens when the stock is used up: `deny` stops selling, `continue` goes on (pre-orders, stock that nobody counts). */
export type StockPolicy = 'deny' | 'continue';

/** One step of the way from the root of the category tree to a category. A missing slug is made from the title. */
export interface CategoryStep {
  slug?: string | undefined;
  title: string;
}

/**
 * Everything a merchant decides about a product, in every currency, with the stock: what the admin API edits, what importers produce and
 * what the export writes. What the service derives (`version`, `updatedAt`, availability, ranges) is not part of it.
 */
export interface ProductState {
  id: string;
  slug: string;
  title: string;
  /** Sanitised HTML. */
  description: string;
  brand: string | null;
  status: ProductStatus;
  /** Each category as its path from the root. */
  categories: CategoryStep[][];
  tags: string[];
  options: { name: string; values: string[] }[];
  attributes: ProductRecord['attributes'];
  media: { url: string; alt: string | null; position: number }[];
  variants: VariantState[];
  /** Slugs this product had before, which redirect to it. Sorted. */
  previousSlugs: string[];
  /** RFC 3339, UTC, milliseconds. */
  createdAt: string;
}

export interface VariantState {
  id: string;
  sku: string | null;
  barcode: string | null;
  title: string;
  options: Record<string, string>;
  position: number;
  /** At most one per currency, sorted by currency. */
  prices: StoredPrice[];
  quantity: number;
  policy: StockPolicy;
}

/** Whether something can be bought: while there is stock, or always where the shop sells on. */
export function isAvailable(stock: { quantity: number; policy: StockPolicy }): boolean {
  return stock.quantity > 0 || stock.policy === 'continue';
}
