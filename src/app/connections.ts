import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { awaitCatalogId } from '../db/catalog-id.js';
import { createDatabase, type Database, sharesOf } from '../db/client.js';
import { migrate } from '../db/migrator.js';
import { findBoundFault, isPooler, requireUtc } from '../db/pooler.js';
import { createReadingLine, type ReadingLine } from '../db/reading-line.js';
import { createDatabaseWatch } from '../db/watch.js';
import { type QuerySight, watchQueries } from '../db/watched-query.js';
import { isAppError } from '../errors.js';
import { redisPlugin } from '../plugins/redis.js';
import type { WarnOnce } from './warn-once.js';

export interface Connections {
  db: Database;
  /** Who waits for a connection to read with. */
  line: ReadingLine;
  watch: ReturnType<typeof createDatabaseWatch>;
  catalogId: string;
}

/**
 * Postgres, migrated unless told not to, and `fastify.redis`. Closed with `fastify`, whether they all came about or not.
 * @throws an Error that says what to do, where the database is not to be had or cannot be used as it is
 */
export async function openConnections(
  fastify: FastifyInstance,
  options: {
    config: Config & { databaseUrl: string };
    onlooker: QuerySight | undefined;
    warnOnce: WarnOnce;
    log: Logger;
  },
): Promise<Connections> {
  const { config, onlooker, warnOnce, log } = options;
  if (config.migrate) await migrate({ url: config.databaseDirectUrl ?? config.databaseUrl, log: (line) => log.info(line) });
  const isPooled = config.databaseDirectUrl === undefined ? await isPooler(config.databaseUrl) : config.databaseDirectUrl !== config.databaseUrl;
  const db = createDatabase({
    ...{ url: config.databaseUrl, ...sharesOf(config.databasePool), isPooled },
    onConnectionLost: warnOnce('a database connection was lost'),
  });
  fastify.addHook('onClose', () => db.close());
  if (onlooker) for (const pool of [db.pool, db.writing.pool]) watchQueries(pool, onlooker);
  const catalogId = await awaitCatalogId(db).catch((error: unknown) => {
    throw isAppError(error)
      ? error
      : new Error('The database has no catalog yet: run `npm run migrate` first, or start with MIGRATE=true', { cause: error });
  });
  if (isPooled) await requireUtc(db);
  const fault = await findBoundFault(db);
  if (fault !== null) log.warn(fault);
  await fastify.register(redisPlugin, { url: config.redisUrl, onError: warnOnce('Redis cannot be reached; reads go on from Postgres') });
  return { db, line: createReadingLine(db.pool, config.shedWaiting), watch: createDatabaseWatch(db), catalogId };
}
