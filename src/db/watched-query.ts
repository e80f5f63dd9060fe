import type { Pool } from 'pg';

/** Whoever looks on while Postgres is asked, to measure it. It adds no error and no wait of its own. */
export interface QuerySight {
  /** @param statement one of few names, whatever was asked for */
  query<T>(statement: string, work: () => Promise<T>): Promise<T>;
}

interface Named {
  name?: string;
  text: string;
}

const sights = new WeakMap<Pool, QuerySight>();

/** From now on what is asked over this pool is shown to `sight`. */
export function watchQueries(pool: Pool, sight: QuerySight): void {
  sights.set(pool, sight);
}

export function watched<T>(pool: Pool, statement: Named | 'connect', work: () => Promise<T>): Promise<T> {
  const sight = sights.get(pool);
  return sight ? sight.query(statement === 'connect' ? statement : labelOf(statement), work) : work();
}

/** Statements that are put together are named after a hash of their text, of which there are many. */
function labelOf({ name, text }: Named): string {
  if (name !== undefined) return name.replace(/_[0-9a-f]{40}$/, '');
  if (text.startsWith('BEGIN')) return 'begin';
  if (text.endsWith('COMMIT')) return 'commit';
  return text === 'ROLLBACK' ? 'rollback' : 'other';
}
