import type { NewKey } from '../../src/access/api-key.js';
import { createKeyService, type KeyService } from '../../src/access/key-service.js';
import { allScopes } from '../../src/access/scope.js';
import { createApiKeys } from '../../src/db/api-keys.js';
import { createDatabase as connect } from '../../src/db/client.js';

/** Whoever may do anything, for ever. */
export const operator = { keyId: 'test', scopes: allScopes, end: null };

/** Does something with the keys of a database, as the command line would. */
export async function withKeys<T>(url: string, work: (keys: KeyService) => Promise<T>): Promise<T> {
  const db = connect({ url, max: 2 });
  try {
    return await work(createKeyService({ keys: createApiKeys(db) }));
  } finally {
    await db.close();
  }
}

/** A key as it was made, `agoMs` ago. */
export async function keyIn(url: string, wanted: NewKey, agoMs = 0): Promise<string> {
  const { key, prefix } = await withKeys(url, (keys) => keys.create(wanted, operator));
  if (agoMs > 0) await age(url, [prefix], agoMs);
  return key;
}

/** Lets so much time pass for these keys: the clock that decides is that of the database. */
export async function age(url: string, prefixes: readonly string[], ms: number): Promise<void> {
  const db = connect({ url, max: 1 });
  try {
    const text = `
      UPDATE api_key SET created_at = created_at - $2 * interval '1 millisecond', expires_at = expires_at - $2 * interval '1 millisecond'
      WHERE prefix = ANY ($1)`;
    await db.pool.query(text, [prefixes, ms]);
  } finally {
    await db.close();
  }
}
