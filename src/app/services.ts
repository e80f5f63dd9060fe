import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Cache } from '../cache/cache.js';
import { parameterKey } from '../cache/keys.js';
import { policies } from '../cache/policies.js';
import { createCategoryService } from '../catalog/category-service.js';
import { createCursors } from '../catalog/cursor.js';
import { createImportRunner } from '../catalog/import-runner.js';
import { createImportService } from '../catalog/import-service.js';
import { createInventoryService } from '../catalog/inventory-service.js';
import { createListingService } from '../catalog/listing-service.js';
import { createPriceService } from '../catalog/price-service.js';
import type { PriceWriteLog } from '../catalog/price-writes.js';
import { createProductAdminService } from '../catalog/product-admin-service.js';
import { createProductService } from '../catalog/product-service.js';
import { createQuoteService } from '../catalog/quote-service.js';
import { createVariantSearch } from '../catalog/variant-search.js';
import { createCategoryReads } from '../db/categories.js';
import { createImportJobs } from '../db/import-jobs.js';
import { createInventoryReads } from '../db/inventory.js';
import { createListingReads } from '../db/listing-reads.js';
import { createProductReads } from '../db/product-reads.js';
import { createProductWrites } from '../db/product-writes.js';
import { createQuoteReads } from '../db/quotes.js';
import { pickImporter } from '../importers/importer.js';
import { withFrugalHeap } from '../plugins/frugal-heap.js';
import type { Connections } from './connections.js';

/** What the routes call. An import that runs ends before `fastify` closes. */
export function createServices(
  fastify: FastifyInstance,
  options: { connections: Connections; cache: Cache; priceWrites: PriceWriteLog; defaultCurrency: string; now: () => Date; log: Logger },
) {
  const { cache, defaultCurrency, now, log } = options;
  const { db, line, catalogId } = options.connections;
  const reads = createProductReads(db);
  // A change and what is looked up before it (a variant by its SKU, a product as it is stored) wait in a line of their own: behind the readers they
  // would come too late.
  const lookups = createProductReads(db.writing);
  const writes = createProductWrites(db.writing, catalogId);
  const imports = createImportRunner({
    pickImporter,
    // Nobody waits for a chunk, and it may hold its connection for seconds: not one of the few that a price change waits for.
    imports: createImportService({ reads, writes: createProductWrites(db, catalogId), cache, now, frugally: withFrugalHeap }),
    jobs: createImportJobs(db),
    onError: (error, job) => log.error({ err: error, job }, 'an import broke off'),
  });
  fastify.addHook('preClose', () => imports.close());
  return {
    products: createProductService({ documents: cache.documents, defaultCurrency, shape: policies.productDetail.shape }),
    listings: createListingService({
      cache,
      listings: line.shedFirst(createListingReads(db)),
      cursors: createCursors(createHash('sha256').update(`cursor:${catalogId}`).digest('hex')),
      parameterKey,
      defaultCurrency,
      shape: policies.productListing.shape,
    }),
    categories: createCategoryService({ categories: line.shedFirst(createCategoryReads(db)), cache }),
    inventory: createInventoryService({ inventory: line.shedFirst(createInventoryReads(db)), writes, cache }),
    quotes: createQuoteService({ quotes: line.shedFirst(createQuoteReads(db)) }),
    productAdmin: createProductAdminService({ reads: lookups, writes, cache, log: options.priceWrites, defaultCurrency, now }),
    prices: createPriceService({ reads: lookups, writes, cache, log: options.priceWrites, now }),
    variants: createVariantSearch({ reads: lookups, defaultCurrency }),
    imports,
  };
}
