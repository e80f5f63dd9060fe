import type { QueryConfig } from 'pg';
import type { Database } from './client.js';

/**
 * Whether Postgres answers. Asked at most every `everyMs`, however many want to know, over a connection of its own: an instance whose pool is all
 * in use is busy, and taking it out would only send its requests to the others.
 */
export function createDatabaseWatch({ probe }: Pick<Database, 'probe'>, everyMs = 500): { isUp(): Promise<boolean> } {
  const question: QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: 1000 };
  let asked = Promise.resolve(false);
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    isUp() {
      if (performance.now() - askedAt > everyMs) {
        askedAt = performance.now();
        asked = probe.query(question).then(
          () => true,
          () => false,
        );
      }
      return asked;
    },
  };
}
