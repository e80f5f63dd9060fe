import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../errors.js';
import type { Database } from './client.js';
import { createPoolQuery, type Statement } from './statement.js';

const catalogIdSql: Statement = { name: 'catalog_id', text: 'SELECT id FROM catalog' };
/** The connection is new, and so may be the database. */
const answerMs = 2000;

/**
 * The id that this database got with its first migration. It stands in front of every cache key. Not through Prisma, whose query compiler
 * takes 80 MB with its first query: an import from the command line needs nothing else of it.
 */
export async function readCatalogId({ pool }: Pick<Database, 'pool'>): Promise<string> {
  const [catalog] = await createPoolQuery(pool, answerMs)<{ id: string }>(catalogIdSql, []);
  if (!catalog) throw new Error('The database has lost the id of its catalog');
  return catalog.id;
}

/** The same with some patience: a process that starts beside others may have to wait for its first connection. */
export async function awaitCatalogId(db: Pick<Database, 'pool'>, tries = 5, betweenMs = 500): Promise<string> {
  for (let left = tries; ; left -= 1) {
    try {
      return await readCatalogId(db);
    } catch (error) {
      if (left <= 1 || !isAppError(error) || error.code !== 'database_unavailable') throw error;
      await sleep(betweenMs);
    }
  }
}
