import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type Cache, createCache } from '../cache/cache.js';
import type { CacheSight } from '../cache/sight.js';
import type { PriceWriteLog } from '../catalog/price-writes.js';
import { writeErrors } from '../catalog/write-attempt.js';
import type { Config } from '../config.js';
import { createProductReads } from '../db/product-reads.js';
import { createOpenSession } from '../db/truth-session.js';
import { createWriteSteps } from '../db/truth-steps.js';
import { AppError, isAppError } from '../errors.js';
import type { Connections } from './connections.js';
import type { WarnOnce } from './warn-once.js';

/** Both tiers over the product documents, in touch with the primary. Closed with `fastify`. */
export async function openCache(
  fastify: FastifyInstance,
  options: {
    config: Config & { databaseUrl: string };
    connections: Connections;
    priceWrites: PriceWriteLog;
    onlooker: CacheSight | undefined;
    warnOnce: WarnOnce;
    log: Logger;
  },
): Promise<Cache> {
  const { config, priceWrites, onlooker, warnOnce, log } = options;
  const { db, catalogId } = options.connections;
  const cache = createCache({
    source: createProductReads(db),
    redis: config.redisUrl === undefined ? null : fastify.redis,
    catalogId,
    memoryBytes: config.memoryCacheBytes,
    truth: {
      leaseMs: config.leaseMs,
      open: createOpenSession({ url: config.databaseDirectUrl ?? config.databaseUrl, catalogId, answerMs: (config.leaseMs ?? 2000) / 2 }),
      steps: createWriteSteps(db.writing, catalogId),
      errors: writeErrors,
      isLost: config.isLastKnownServed ? (error) => isAppError(error) && error.code === 'database_unavailable' : null,
      onFault: warnOnce('The connection that keeps prices true was lost; reads ask Postgres until it is back'),
      onStale: (read) =>
        log.error({ read, priceWrites: priceWrites.list() }, 'STALE READ: memory has answered with a version that is not the one that stands'),
    },
    overload: () => new AppError('busy', 'Too many reads are waiting for the database'),
    timeout: () => new AppError('database_unavailable', 'The database did not answer in time'),
    sight: onlooker,
    onRedisChange: (isUp) => log.warn(isUp ? 'Redis is back' : 'Redis does not answer; reads go on from Postgres'),
  });
  fastify.addHook('onClose', () => cache.close());
  await cache.start();
  return cache;
}
