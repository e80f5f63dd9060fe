/**
 * THE TABLE. How every endpoint is cached, and what every write refreshes and drops, as data: all figures of the cache stand here and
 * nowhere else. `uncachedMs` is what a read costs without any cache (see docs/caching.md for how it is measured); `why` says whether that
 * deserves an entry. Keys are derived from `type` and `shape` (keys.ts): bump `shape` when what is stored changes its form.
 */
const second = 1000;
const minute = 60 * second;

export type Listing = 'membership' | 'price' | 'stock';

export interface ReadPolicy {
  endpoint: string;
  strategy: 'mutex' | 'swr' | 'aside';
  type: string;
  shape: number;
  /** How long an entry is fresh. */
  freshMs: number;
  /** How long after that it may still be served while one refresh runs. */
  staleMs: number;
  /** How long an absence is remembered. */
  absentMs: number;
  uncachedMs: number;
  why: string;
}
export interface UncachedPolicy {
  endpoint: string;
  strategy: 'none';
  why: string;
}
export interface WritePolicy {
  endpoint: string;
  strategy: 'write-through';
  /** `nothing`: the documents are not put anywhere; they are read when somebody asks for them. */
  refreshes: 'product' | 'nothing';
  /** Generations that are raised, each one INCR: every cached page that depends on one is dropped. */
  drops: readonly Listing[];
  why: string;
}
export type Policy = ReadPolicy | UncachedPolicy | WritePolicy;

const product = { type: 'product', shape: 1, freshMs: 5 * minute, staleMs: 0, absentMs: 10 * second } as const;
const category = { type: 'category', shape: 1, freshMs: 5 * minute, staleMs: 0, absentMs: 10 * second } as const;

// biome-ignore format: a table reads by column
export const policies = {
  productDetail:     { endpoint: 'GET /v1/products/:slug',               strategy: 'mutex', ...product, uncachedMs: 2.7, why: 'any product can turn hot: one loader across all instances' },
  productBatch:      { endpoint: 'POST /v1/products/batch',              strategy: 'mutex', ...product, uncachedMs: 28, why: 'the same documents as the detail page, a hundred at a time' },
  productListing:    { endpoint: 'GET /v1/products',                     strategy: 'swr', type: 'product:list', shape: 1, freshMs: 30 * second, staleMs: 570 * second, absentMs: 0, uncachedMs: 3.6, why: 'the busiest and dearest read; order may lag a moment, prices are bound per answer' },
  categoryTree:      { endpoint: 'GET /v1/categories',                   strategy: 'aside', ...category, type: 'category:computed', uncachedMs: 1.9, why: 'counts every product; changes with the catalog, not with the shopper' },
  categoryNode:      { endpoint: 'GET /v1/categories/:slug',             strategy: 'aside', ...category, uncachedMs: 1.9, why: 'cut from the tree, so it costs what the tree costs' },
  inventory:         { endpoint: 'GET /v1/inventory/:variantId',         strategy: 'none', why: 'stock at checkout must be exact' },
  quote:             { endpoint: 'POST /v1/quotes',                      strategy: 'none', why: 'a quote is a promise: prices and stock of one snapshot' },
  live:              { endpoint: 'GET /health/live',                     strategy: 'none', why: 'tells of this process now' },
  ready:             { endpoint: 'GET /health/ready',                    strategy: 'none', why: 'tells of this process now' },
  openapi:           { endpoint: 'GET /openapi.json',                    strategy: 'none', why: 'made once at start' },
  demoImage:         { endpoint: 'GET /media/demo/:file',                strategy: 'none', why: 'drawn from its name alone' },
  adminProductGet:   { endpoint: 'GET /v1/admin/products/:id',           strategy: 'none', why: 'an editor must see what is stored' },
  adminVariants:     { endpoint: 'GET /v1/admin/variants',               strategy: 'none', why: 'an editor must see what is stored' },
  adminImportStart:  { endpoint: 'POST /v1/admin/imports',               strategy: 'write-through', refreshes: 'nothing', drops: ['membership', 'price', 'stock'], why: 'thousands of products at once: they are read again when asked for' },
  adminImportGet:    { endpoint: 'GET /v1/admin/imports/:id',            strategy: 'none', why: 'progress changes by the moment' },
  adminKeyMake:      { endpoint: 'POST /v1/admin/keys',                  strategy: 'none', why: 'no product reads of keys; the answer holds a secret' },
  adminKeyList:      { endpoint: 'GET /v1/admin/keys',                   strategy: 'none', why: 'who may do what must be what is stored' },
  adminKeyGet:       { endpoint: 'GET /v1/admin/keys/:id',               strategy: 'none', why: 'who may do what must be what is stored' },
  adminKeyRotate:    { endpoint: 'POST /v1/admin/keys/:id/rotate',       strategy: 'none', why: 'no product reads of keys; the answer holds a secret' },
  adminKeyRevoke:    { endpoint: 'DELETE /v1/admin/keys/:id',            strategy: 'none', why: 'keys are looked up for every request, so nothing has to be dropped' },
  adminPriceWrites:  { endpoint: 'GET /v1/admin/price-writes',           strategy: 'none', why: 'tells of this process now' },
  adminCache:        { endpoint: 'GET /v1/admin/cache',                  strategy: 'none', why: 'tells of this process now' },
  adminPrice:        { endpoint: 'PATCH /v1/admin/variants/:id/price',   strategy: 'write-through', refreshes: 'product', drops: ['price'], why: 'the next read shows it without asking the database' },
  adminStock:        { endpoint: 'PUT /v1/admin/inventory/:variantId',   strategy: 'write-through', refreshes: 'product', drops: ['stock'], why: 'only where availability flips' },
  adminProductMake:  { endpoint: 'POST /v1/admin/products',              strategy: 'write-through', refreshes: 'product', drops: ['membership', 'price', 'stock'], why: 'clears the remembered absence of its slug' },
  adminProductEdit:  { endpoint: 'PATCH /v1/admin/products/:id',         strategy: 'write-through', refreshes: 'product', drops: ['membership', 'price', 'stock'], why: 'any field may change: title, slug, categories, prices' },
  adminProductDrop:  { endpoint: 'DELETE /v1/admin/products/:id',        strategy: 'write-through', refreshes: 'product', drops: ['membership', 'price', 'stock'], why: 'an archived product leaves every page' },
} as const satisfies Record<string, Policy>;

export type RowName = keyof typeof policies;
export type ReadRow = { [Name in RowName]: (typeof policies)[Name] extends ReadPolicy ? Name : never }[RowName];
export type WriteRow = { [Name in RowName]: (typeof policies)[Name] extends WritePolicy ? Name : never }[RowName];

/** What holds for all rows. Durations in ms, each applied with up to `jitter` taken off, so that entries made together do not end together. */
export const tuning = {
  jitter: 0.1,
  /** The fill lock. A holder that is slower loses it, and with it the right to store. */
  lockMs: 3 * second,
  /** How long a loser of the lock waits for the winner before it loads itself. */
  waitMs: 0.5 * second,
  pollMs: 25,
  /** After a failed refresh: doubled with every failure in a row up to the maximum. */
  backoffMs: second,
  backoffMaxMs: 30 * second,
  /** Bounds on what a version query may take and on how many lookups may stand in line for one. */
  versionQueryMs: second,
  versionBatch: 500,
  versionQueue: 20_000,
  /** A read of documents that Postgres has not answered by then is refused. */
  readMs: 1.85 * second,
  /** The same for an answer that is put together of several reads: later, so that a read of documents may still say what it knows. */
  boundedMs: 1.95 * second,
  /** How long the generations of listings are believed without asking Redis. */
  generationMs: second,
  /** One memory hit in so many is read again from Postgres, to see that it was true. */
  sampleEvery: 1000,
  /** How long anyone waits for Redis. */
  redisWaitMs: 200,
  /** How long a write waits for Redis to take the new document. */
  writeThroughMs: 50,
  /** Between two tries to reach a Redis that failed. */
  redisProbeMs: 500,
} as const;
