import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../errors.js';
import type { Database } from './client.js';
import { inShopWords } from './failures.js';

/** The id that this database got with its first migration. It stands in front of every cache key. */
export async function readCatalogId({ prisma }: Pick<Database, 'prisma'>): Promise<string> {
  const { id } = await inShopWords(() => prisma.catalog.findFirstOrThrow({ select: { id: true } }));
  return id;
}

/** The same with some patience: a process that starts beside others may have to wait for its first connection. */
export async function awaitCatalogId(db: Pick<Database, 'prisma'>, tries = 5, betweenMs = 500): Promise<string> {
  for (let left = tries; ; left -= 1) {
    try {
      return await readCatalogId(db);
    } catch (error) {
      if (left <= 1 || !isAppError(error) || error.code !== 'database_unavailable') throw error;
      await sleep(betweenMs);
    }
  }
}
