import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../errors.js';
import type { Database } from './client.js';
import { inShopWords } from './failures.js';

/** A server that is coming up beside others may have to wait for its first connection. */
const tries = 5;
const betweenMs = 300;

/**
 * The id that this database got with its first migration. It stands in front of every cache key. Asked at the start of a process and so with
 * some patience; throws `database_unavailable` after that.
 */
export async function readCatalogId({ prisma }: Database): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { id } = await inShopWords(() => prisma.catalog.findFirstOrThrow({ select: { id: true } }));
      return id;
    } catch (error) {
      if (attempt === tries || !isAppError(error) || error.code !== 'database_unavailable') throw error;
      await sleep(betweenMs * attempt);
    }
  }
}
