import type { ImportJob, ImportReport } from './import.js';
import type { ListingPage, ListingQuery } from './listing.js';
import type { StoredPrice } from './money.js';
import type { ProductState, StockPolicy } from './product-state.js';

/**
 * What the catalog needs of the database, in the catalog's words. Implemented in `db/`. Every method throws `database_unavailable` where
 * Postgres does not answer in time.
 */

/** The answer to "which version stands now?". `slug` is the current one: a lookup by an old slug finds the product too. */
export interface ProductVersion {
  id: string;
  slug: string;
  version: number;
  /** Token of the write that made the version. */
  token: string;
}

/** A document as bytes of JSON (a ProductRecord), with the version it was read at, all from one statement. */
export interface ProductDocument extends ProductVersion {
  json: string;
}

/** One write, done and committed. `changed` is false where the write left everything as it was. */
export interface ProductWritten {
  document: ProductDocument;
  changed: boolean;
  created: boolean;
}

export interface ProductReads {
  /** `slug:<slug>` (current or old) and `id:<uuid>` to what stands now, one statement; lookups that find nothing are missing. */
  versions(lookups: readonly string[]): Promise<Map<string, ProductVersion>>;
  /** Documents by id, one statement; ids that do not exist are missing. */
  documents(ids: readonly string[]): Promise<Map<string, ProductDocument>>;
  /** One product as editors see it: document and state of one snapshot. Null where there is none. */
  state(id: string): Promise<{ document: ProductDocument; state: ProductState } | null>;
  /** Variants with this SKU, at most `limit`, in the order of their ids. SKUs repeat. */
  variantsBySku(sku: string, limit: number): Promise<{ variantId: string; productId: string }[]>;
  /** Every product in the order of its id, as its editable state, in batches. */
  states(batchSize: number): AsyncIterable<ProductState[]>;
}

/** Inside one transaction of a write. Nothing is visible outside before the commit. */
export interface ProductTransaction {
  /** The states of these products by id or current slug, their rows locked in the order of their ids; a variant id finds its product. */
  lock(by: { ids?: readonly string[]; slugs?: readonly string[]; variantIds?: readonly string[] }): Promise<LockedProduct[]>;
  /**
   * Creates or replaces these products by id, in batched statements: version + 1 (1 when new), token stamped, ranges and availability
   * derived, slug history kept (an abandoned slug redirects; a slug taken into use leaves the history of whoever had it before), brands and
   * categories found or made. Throws `slug_taken` where another product uses a slug now.
   */
  save(states: readonly ProductState[], token: string): Promise<ProductDocument[]>;
  /** Sets one price and bumps its product. */
  setPrice(variantId: string, price: StoredPrice, token: string): Promise<ProductDocument>;
  /** Sets the stock of one variant; bumps the product only where `available` flips, and then `flipped` is its new document. Throws `not_found`. */
  setStock(variantId: string, quantity: number, token: string): Promise<{ stock: StockRow; flipped: ProductDocument | null }>;
  documents(ids: readonly string[]): Promise<Map<string, ProductDocument>>;
}

export interface LockedProduct {
  state: ProductState;
  version: number;
}

export interface ProductWrites {
  /** Runs `work` in one transaction on one connection: commits when it returns, rolls back when it throws. `lock_timeout` bounds every wait. */
  transaction<T>(work: (tx: ProductTransaction) => Promise<T>): Promise<T>;
}

export interface ListingReads {
  page(query: ListingQuery): Promise<ListingPage>;
}

export interface CategoryRow {
  slug: string;
  title: string;
  parentSlug: string | null;
  /** Active products in it or below it, each counted once. */
  productCount: number;
}

export interface CategoryReads {
  /** The whole tree, parents before children, siblings by title. */
  all(): Promise<CategoryRow[]>;
}

export interface StockRow {
  variantId: string;
  quantity: number;
  policy: StockPolicy;
}

export interface InventoryReads {
  /** Null where no active product has such a variant. */
  find(variantId: string): Promise<StockRow | null>;
}

/** What a quote needs to know of one variant, all of one snapshot. */
export interface QuoteRow extends StockRow {
  productId: string;
  slug: string;
  title: string;
  variantTitle: string;
  sku: string | null;
  version: number;
  price: { amount: number; compareAt: number | null } | null;
}

export interface QuoteReads {
  /** Variants of active products, one statement; unknown ids are missing. */
  variants(variantIds: readonly string[], currency: string): Promise<Map<string, QuoteRow>>;
}

export interface ImportJobs {
  create(job: { id: string; format: ImportJob['format']; currency: string; dryRun: boolean }): Promise<ImportJob>;
  start(id: string): Promise<void>;
  finish(id: string, end: { state: 'done' | 'refused' | 'failed'; report: ImportReport | null; detail: string | null }): Promise<void>;
  find(id: string): Promise<ImportJob | null>;
}
