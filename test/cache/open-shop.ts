import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Cache, createCache } from '../../src/cache/cache.js';
import type { Clock } from '../../src/cache/clock.js';
import { parameterKey } from '../../src/cache/keys.js';
import { createCursors } from '../../src/catalog/cursor.js';
import { createImportService, type ImportService } from '../../src/catalog/import-service.js';
import { createListingService, type ListingService } from '../../src/catalog/listing-service.js';
import { createPriceService, type PriceService } from '../../src/catalog/price-service.js';
import { createPriceWriteLog } from '../../src/catalog/price-writes.js';
import { createProductAdminService, type ProductAdminService } from '../../src/catalog/product-admin-service.js';
import { createProductService, type ProductService } from '../../src/catalog/product-service.js';
import { writeErrors } from '../../src/catalog/write-attempt.js';
import { createDatabase } from '../../src/db/client.js';
import { createListingReads } from '../../src/db/listing-reads.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createOpenSession } from '../../src/db/truth-session.js';
import { createWriteSteps } from '../../src/db/truth-steps.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

/** One instance's memory, cache and services, without HTTP, so that its clock can be set. */
export interface Instance {
  cache: Cache;
  products: ProductService;
  listings: ListingService;
  prices: PriceService;
  admin: ProductAdminService;
  imports: ImportService;
  /** Leaves the registry. */
  close(): Promise<void>;
}

export interface Shop {
  url: string;
  /**
   * Instances of one shop share its database, and the Redis they are given; null: memory only. Each is in touch with Postgres when it is
   * given.
   * @param leaseMs null: it validates every read
   */
  instance(redis: Redis | null, clock: Clock, leaseMs?: number | null): Promise<Instance>;
  close(): Promise<void>;
}

/** An empty catalog in a database of its own. */
export async function openShop(): Promise<Shop> {
  const { url, drop } = await createTestDatabase();
  const db = createDatabase({ url, max: 4 });
  // The copies of one template would share their keys in Redis.
  const catalogId = randomUUID();
  await db.pool.query('UPDATE catalog SET id = $1', [catalogId]);
  const instances: Instance[] = [];
  return {
    url,
    async instance(redis, clock, leaseMs = 2000) {
      const reads = createProductReads(db);
      const writes = createProductWrites(db, catalogId);
      const unexpected = () => new Error('unexpected');
      const truth = {
        ...{ leaseMs, errors: writeErrors, isLost: null },
        open: createOpenSession({ url, catalogId, answerMs: 5000 }),
        steps: createWriteSteps(db, catalogId),
      };
      const cache = createCache({
        ...{ source: reads, redis, catalogId, memoryBytes: 8 * 2 ** 20, clock, truth },
        overload: unexpected,
        timeout: unexpected,
      });
      await untilInTouch(cache);
      const shared = { cache, reads, writes, defaultCurrency: 'USD', now: () => new Date(), shape: 1 };
      const log = createPriceWriteLog();
      const instance: Instance = {
        cache,
        products: createProductService({ ...shared, documents: cache.documents }),
        listings: createListingService({ ...shared, listings: createListingReads(db), cursors: createCursors('a'.repeat(64)), parameterKey }),
        prices: createPriceService({ ...shared, log }),
        admin: createProductAdminService({ ...shared, log }),
        imports: createImportService(shared),
        close: () => cache.close(),
      };
      instances.push(instance);
      return instance;
    },
    close: async () => {
      await Promise.all(instances.map((instance) => instance.close()));
      await db.close();
      await drop();
    },
  };
}

async function untilInTouch(cache: Cache): Promise<void> {
  await cache.start();
  const deadline = performance.now() + 10_000;
  while (cache.report().lease.renewals === 0) {
    if (performance.now() > deadline) throw new Error(`no session with Postgres: ${cache.report().lease.fault}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What it takes to create an active product with one variant. */
export function lamp(slug: string, amount = 1000) {
  return { title: `Title of ${slug}`, slug, status: 'active' as const, variants: [{ price: { amount, currency: 'USD' }, quantity: 3 }] };
}
