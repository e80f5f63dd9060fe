import { createCache } from '../cache/cache.js';
import { createImportService, type ImportService } from '../catalog/import-service.js';
import type { ProductReads } from '../catalog/ports.js';
import { writeErrors } from '../catalog/write-attempt.js';
import type { Config } from '../config.js';
import { readCatalogId } from '../db/catalog-id.js';
import { createDatabase } from '../db/client.js';
import { isPooler } from '../db/pooler.js';
import { createProductReads } from '../db/product-reads.js';
import { createProductWrites } from '../db/product-writes.js';
import { createOpenSession } from '../db/truth-session.js';
import { createWriteSteps } from '../db/truth-steps.js';
import { AppError } from '../errors.js';
import { withFrugalHeap } from '../plugins/frugal-heap.js';
import { connectRedis } from '../plugins/redis.js';

export interface OpenCatalog {
  imports: ImportService;
  reads: ProductReads;
  /** True where no product exists. */
  isEmpty(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * The parts of the system that the command line uses, wired like app.ts. The database must be migrated. The command holds no lease, since it
 * answers nobody; its writes wait for the servers that do. Listings that they hold are dropped where a Redis connects us with them; without
 * one they end by themselves.
 */
export async function openCatalog(config: Config, databaseUrl: string): Promise<OpenCatalog> {
  // Nobody else waits for this process's connections, so it goes past a pooler where it may.
  const url = config.databaseUrl === undefined ? databaseUrl : (config.databaseDirectUrl ?? databaseUrl);
  const db = createDatabase({ url, max: 2, isPooled: await isPooler(url), applicationName: 'truetag-cli' });
  try {
    const catalogId = await readCatalogId(db);
    const reads = createProductReads(db);
    const writes = createProductWrites(db, catalogId);
    const redis = config.redisUrl === undefined ? null : await connectRedis(config.redisUrl, () => {});
    const cache = createCache({
      source: reads,
      redis: redis?.isReady ? redis.client : null,
      catalogId,
      memoryBytes: 2 ** 20,
      truth: {
        leaseMs: null,
        open: createOpenSession({ url, catalogId, answerMs: 1000 }),
        steps: createWriteSteps(db, catalogId),
        errors: writeErrors,
        isLost: null,
      },
      overload: () => new AppError('busy', 'Too many reads are waiting'),
      timeout: () => new AppError('database_unavailable', 'The database did not answer in time'),
    });
    await cache.start();
    return {
      imports: createImportService({ reads, writes, cache, now: () => new Date(), frugally: withFrugalHeap }),
      reads,
      async isEmpty() {
        const { rows } = await db.pool.query<{ full: boolean }>('SELECT EXISTS (SELECT FROM product) AS full');
        return rows[0]?.full !== true;
      },
      async close() {
        await cache.close();
        redis?.client.disconnect();
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}
