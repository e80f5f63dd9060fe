import type { Database } from './client.js';
import { inShopWords } from './failures.js';

/** The id that this database got with its first migration. It stands in front of every cache key. */
export async function readCatalogId({ prisma }: Database): Promise<string> {
  const { id } = await inShopWords(() => prisma.catalog.findFirstOrThrow({ select: { id: true } }));
  return id;
}
