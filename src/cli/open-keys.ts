import { createKeyService, type KeyService } from '../access/key-service.js';
import type { Config } from '../config.js';
import { createApiKeys } from '../db/api-keys.js';
import { createDatabase } from '../db/client.js';
import { isPooler } from '../db/pooler.js';

/** The keys of a migrated database, for a command. */
export async function openKeys(config: Config, databaseUrl: string): Promise<{ keys: KeyService; close(): Promise<void> }> {
  // Nobody else waits for this process's connections, so it goes past a pooler where it may.
  const url = config.databaseUrl === undefined ? databaseUrl : (config.databaseDirectUrl ?? databaseUrl);
  const db = createDatabase({ url, max: 1, isPooled: await isPooler(url), applicationName: 'truetag-cli' });
  return { keys: createKeyService({ keys: createApiKeys(db) }), close: db.close };
}
