import type { QueryConfig } from 'pg';
import type { Database } from './client.js';

/** Whether Postgres answers. Asked at most every `everyMs`, however many want to know. */
export function createDatabaseWatch({ pool }: Pick<Database, 'pool'>, everyMs = 500): { isUp(): Promise<boolean> } {
  const question: QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: 1000 };
  let asked = Promise.resolve(false);
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    isUp() {
      if (performance.now() - askedAt > everyMs) {
        askedAt = performance.now();
        asked = pool.query(question).then(
          () => true,
          () => false,
        );
      }
      return asked;
    },
  };
}
