import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Cache, createCache } from '../../src/cache/cache.js';
import type { Clock } from '../../src/cache/clock.js';
import { parameterKey } from '../../src/cache/keys.js';
import { createCursors } from '../../src/catalog/cursor.js';
import { createListingService, type ListingService } from '../../src/catalog/listing-service.js';
import { createPriceService, type PriceService } from '../../src/catalog/price-service.js';
import { createPriceWriteLog } from '../../src/catalog/price-writes.js';
import { createProductAdminService, type ProductAdminService } from '../../src/catalog/product-admin-service.js';
import { createProductService, type ProductService } from '../../src/catalog/product-service.js';
import { createDatabase } from '../../src/db/client.js';
import { createListingReads } from '../../src/db/listing-reads.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

/** One instance's memory, cache and services, without HTTP, so that its clock can be set. */
export interface Instance {
  cache: Cache;
  products: ProductService;
  listings: ListingService;
  prices: PriceService;
  admin: ProductAdminService;
}

export interface Shop {
  url: string;
  /** Instances of one shop share its database, and the Redis they are given; null: memory only. */
  instance(redis: Redis | null, clock: Clock): Instance;
  close(): Promise<void>;
}

/** An empty catalog in a database of its own. */
export async function openShop(): Promise<Shop> {
  const { url, drop } = await createTestDatabase();
  const db = createDatabase({ url, max: 4 });
  const catalogId = randomUUID();
  const caches: Cache[] = [];
  return {
    url,
    instance(redis, clock) {
      const reads = createProductReads(db);
      const writes = createProductWrites(db);
      const unexpected = () => new Error('unexpected');
      const cache = createCache({ source: reads, redis, catalogId, memoryBytes: 8 * 2 ** 20, clock, overload: unexpected, timeout: unexpected });
      caches.push(cache);
      const shared = { cache, writes, defaultCurrency: 'USD', now: () => new Date(), shape: 1 };
      return {
        cache,
        products: createProductService({ ...shared, documents: cache.documents }),
        listings: createListingService({ ...shared, listings: createListingReads(db), cursors: createCursors('a'.repeat(64)), parameterKey }),
        prices: createPriceService({ ...shared, log: createPriceWriteLog() }),
        admin: createProductAdminService({ ...shared, reads }),
      };
    },
    close: async () => {
      for (const cache of caches) cache.close();
      await db.close();
      await drop();
    },
  };
}

/** What it takes to create an active product with one variant. */
export function lamp(slug: string, amount = 1000) {
  return { title: `Title of ${slug}`, slug, status: 'active' as const, variants: [{ price: { amount, currency: 'USD' }, quantity: 3 }] };
}
