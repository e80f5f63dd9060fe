import type { Logger } from 'pino';
import { type Authenticator, createAuthenticator } from '../access/authenticator.js';
import { createGuessLimit } from '../access/guess-limit.js';
import { createKeyService, type KeyService } from '../access/key-service.js';
import { isPublished } from '../access/published-key.js';
import { createUseNotes } from '../access/use-notes.js';
import type { Config } from '../config.js';
import { createApiKeys } from '../db/api-keys.js';
import { createTokenVerifier } from '../plugins/token-verifier.js';
import type { Connections } from './connections.js';
import type { WarnOnce } from './warn-once.js';

const publishedKeyUsed =
  'ADMIN_API_KEY is the key of the local stack, which is published with the source: whoever reaches this service may do everything. Anywhere but on a machine of your own, set another one (openssl rand -hex 32) and start again';

/** Who may do what. */
export function createAccess(options: { config: Config; connections: Connections; warnOnce: WarnOnce; log: Logger }): {
  keys: KeyService;
  authenticator: Authenticator;
} {
  const { config, warnOnce, log } = options;
  if (config.adminApiKey !== undefined && isPublished(config.adminApiKey)) log.warn(publishedKeyUsed);
  const apiKeys = createApiKeys(options.connections.db.writing);
  return {
    keys: createKeyService({ keys: apiKeys, onChange: (change) => log.warn(change, `an admin key was ${change.what}`) }),
    authenticator: createAuthenticator({
      adminApiKey: config.adminApiKey,
      keys: apiKeys,
      tokens: config.jwt && createTokenVerifier(config.jwt),
      guesses: createGuessLimit({ perMinute: config.wrongKeysPerMinute, onExceeded: (address, warning) => log.warn({ address }, warning) }),
      noteUse: createUseNotes({ keys: apiKeys, onError: warnOnce('the last use of a key could not be noted') }),
    }),
  };
}
