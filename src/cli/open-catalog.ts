import { createCache } from '../cache/cache.js';
import { createImportService, type ImportService } from '../catalog/import-service.js';
import type { ProductReads } from '../catalog/ports.js';
import type { Config } from '../config.js';
import { readCatalogId } from '../db/catalog-id.js';
import { createDatabase } from '../db/client.js';
import { createProductReads } from '../db/product-reads.js';
import { createProductWrites } from '../db/product-writes.js';
import { AppError } from '../errors.js';
import { connectRedis } from '../plugins/redis.js';

export interface OpenCatalog {
  imports: ImportService;
  reads: ProductReads;
  /** Drops the listings that the servers hold, where a Redis connects us with them; without one they end by themselves. */
  announce(): Promise<void>;
  /** True where no product exists. */
  isEmpty(): Promise<boolean>;
  close(): Promise<void>;
}

/** The parts of the system that the command line uses, wired like app.ts. The database must be migrated. */
export async function openCatalog(config: Config, databaseUrl: string): Promise<OpenCatalog> {
  const db = createDatabase({ url: databaseUrl, max: 2, applicationName: 'truetag-cli' });
  const reads = createProductReads(db);
  return {
    imports: createImportService({ writes: createProductWrites(db), now: () => new Date() }),
    reads,
    async announce() {
      if (config.redisUrl === undefined) return;
      const { client, isReady } = await connectRedis(config.redisUrl, () => {});
      const cache = createCache({
        source: reads,
        redis: isReady ? client : null,
        catalogId: await readCatalogId(db),
        memoryBytes: 2 ** 20,
        overload: () => new AppError('busy', 'Too many reads are waiting'),
        timeout: () => new AppError('database_unavailable', 'The database did not answer in time'),
      });
      await cache.wrote('adminImportStart', []);
      cache.close();
      client.disconnect();
    },
    async isEmpty() {
      const { rows } = await db.pool.query<{ full: boolean }>('SELECT EXISTS (SELECT FROM product) AS full');
      return rows[0]?.full !== true;
    },
    close: () => db.close(),
  };
}
