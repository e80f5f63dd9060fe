import type { Commit, NoWrite, WritePlan, WriteRound } from '../cache/document-write.js';
import type { Armed, ArmedLook } from '../cache/truth-ports.js';
import type { ImportJob, ImportReport } from './import.js';
import type { ListingPage, ListingQuery } from './listing.js';
import type { StoredPrice } from './money.js';
import type { PriceChange } from './product-input.js';
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

export interface ProductReads {
  /** `slug:<slug>` (current or old) and `id:<uuid>` to what stands now, one statement; lookups that find nothing are missing. */
  versions(lookups: readonly string[]): Promise<Map<string, ProductVersion>>;
  /** Documents by id, one statement; ids that do not exist are missing. */
  documents(ids: readonly string[]): Promise<Map<string, ProductDocument>>;
  /** One product as editors see it: document and state of one snapshot. Null where there is none. */
  state(id: string): Promise<{ document: ProductDocument; state: ProductState } | null>;
  /** The states of these products, by id or current slug, of one snapshot. */
  statesOf(by: { ids: readonly string[]; slugs: readonly string[] }): Promise<ProductState[]>;
  /** The price of a variant of any product. Null for an unknown variant. */
  variantPrice(variantId: string, currency: string): Promise<VariantPrice | null>;
  /** Variants with this SKU, at most `limit`, in the order of their ids. SKUs repeat. */
  variantsBySku(sku: string, limit: number): Promise<{ variantId: string; productId: string }[]>;
  /** Every product in the order of its id, as its editable state, in batches. */
  states(batchSize: number): AsyncIterable<ProductState[]>;
}

/** Inside one transaction of a write. Nothing is visible outside before the commit. */
export interface ProductTransaction {
  /** The states of these products by id or current slug, their rows locked in the order of their ids, with the version before this write. */
  lock(by: { ids?: readonly string[]; slugs?: readonly string[] }): Promise<LockedProduct[]>;
  /**
   * Creates or replaces these products by id, in batched statements: ranges and availability derived, slug history kept (an abandoned slug
   * redirects; a slug taken into use leaves the history of whoever had it before), brands and categories found or made. Versions and tokens
   * are the transaction's. Throws `slug_taken` where another product uses a slug now, `keys_moved` where a slug is not blocked.
   */
  save(states: readonly ProductState[], token: string): Promise<ProductDocument[]>;
  /**
   * Sets one price of a product that the write has blocked, where `compareAt` is missing with the one that stands. Throws `not_found`, and `busy`
   * where the write does not hold that product.
   */
  setPrice(variantId: string, change: PriceChange, token: string): Promise<PriceSet>;
  /** Sets the stock of one variant; `document` only where `available` flips. Throws `not_found`. */
  setStock(variantId: string, quantity: number): Promise<StockChange>;
}

export interface LockedProduct {
  state: ProductState;
  version: number;
}

/** One price of a variant, null where there is none in the currency, and the product it belongs to. */
export interface VariantPrice {
  productId: string;
  slug: string;
  version: number;
  price: StoredPrice | null;
}

/** What came of setting a stock. `stock` null: nothing was changed, because it would make the variant available or unavailable. */
export interface StockChange {
  stock: StockRow | null;
  product: { id: string; slug: string };
  /** The new document, where it changed. */
  document: ProductDocument | null;
}

/** What was there before a price was set, with the version before the write, and what is there now. */
export interface PriceSet {
  stood: VariantPrice;
  document: ProductDocument;
}

/** What a transaction of a write does, and gives back. It may be done twice. */
export type WriteWork<T> = (tx: ProductTransaction) => Promise<{ value: T; documents: readonly ProductDocument[] }>;

/** The price that stands, null for an unknown variant, and what W1 and W2 answered where the change made it worth to arm. */
export interface ArmedPrice<T> {
  stands: VariantPrice | null;
  armed: ArmedLook | null;
  /** W4, where it was begun behind them. */
  begun: Required<Pick<WritePlan<T>, 'commit' | 'drop'>> | null;
}

export interface ProductWrites {
  /**
   * Looks at a price and, where the change sets another, arms for it (W1, W2) in the same round trip: the product's id and slug are blocked. Where
   * a connection can be spared, `work` is begun on it meanwhile, as in an eager `transaction`. Refused where there was no connection to send that on;
   * what it throws leaves open whether blocks stand. Throws `keys_moved` where the product was locked, so that the write has to be begun anew.
   */
  armPrice<T>(round: WriteRound, variantId: string, change: PriceChange, work: WriteWork<T>): Promise<ArmedPrice<T> | NoWrite>;
  /**
   * A write of documents: runs `work` in one transaction on one connection, let through by the database for the products and slugs that
   * `armed` stands for. Commits when it returns, rolls back when it throws. `lock_timeout` bounds every wait.
   * @param options `isEager`: `work` is begun before the readers have been waited for, and may be done twice. `productId`: the one product that it
   *   changes, of which one transaction is under way at a time in a process; `busy` is thrown as well where its turn does not come in a second
   */
  transaction<T>(armed: Armed, work: WriteWork<T>, options?: { isBulk?: boolean; isEager?: boolean; productId?: string }): Promise<Commit<T>>;
  /** Runs `work` as if it were a write of documents, and rolls it back whatever happens. */
  rehearse<T>(work: (tx: ProductTransaction) => Promise<T>): Promise<T>;
  /** Sets the stock of one variant if that leaves every document as it is. Throws `not_found`, `write_outcome_unknown`. */
  setStock(variantId: string, quantity: number): Promise<StockChange>;
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
  start(id: string, report: ImportReport): Promise<void>;
  /** A sign of life of a job that waits or runs; `report`: what is done so far, null where it has not begun. */
  beat(id: string, report: ImportReport | null): Promise<void>;
  finish(id: string, end: { state: 'done' | 'refused' | 'failed'; report: ImportReport | null; detail: string | null }): Promise<void>;
  /** A job that has given no sign of life for two minutes has failed. */
  find(id: string): Promise<ImportJob | null>;
}
