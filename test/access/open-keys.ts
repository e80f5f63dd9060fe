import type { NewKey } from '../../src/access/api-key.js';
import { createKeyService, type KeyService } from '../../src/access/key-service.js';
import { allScopes } from '../../src/access/scope.js';
import { createApiKeys } from '../../src/db/api-keys.js';
import { createDatabase as connect } from '../../src/db/client.js';

const operator = { keyId: 'test', scopes: allScopes };

/** Does something with the keys of a database, at a time of one's own, as the command line would. */
export async function withKeys<T>(url: string, work: (keys: KeyService) => Promise<T>, now: () => Date = () => new Date()): Promise<T> {
  const db = connect({ url, max: 2 });
  try {
    return await work(createKeyService({ keys: createApiKeys(db), now }));
  } finally {
    await db.close();
  }
}

/** A key as it was made: `at` says when. */
export async function keyIn(url: string, wanted: NewKey, at?: Date): Promise<string> {
  return withKeys(url, async (keys) => (await keys.create(wanted, operator)).key, at && (() => at));
}
