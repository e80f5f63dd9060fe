import type { DocumentSource } from '../../../src/cache/document-bodies.js';
import { down, type RedisStore } from '../../../src/cache/redis-store.js';

/** A store that passes every document of the right version for one of the right token, as a compare of versions alone would. */
export function createTokenlessStore({ source, store }: { source: DocumentSource; store: RedisStore }): {
  source: DocumentSource;
  store: RedisStore;
} {
  const tokens = new Map<number, string>();
  return {
    source: {
      ...source,
      async versions(lookups) {
        const found = await source.versions(lookups);
        for (const { version, token } of found.values()) tokens.set(version, token);
        return found;
      },
    },
    store: {
      ...store,
      async document(key) {
        const stored = await store.document(key);
        return stored === null || stored === down ? stored : { ...stored, token: tokens.get(stored.version) ?? stored.token };
      },
    },
  };
}
