import type { Pool, QueryResultRow } from 'pg';
import { inShopWords } from './failures.js';
import { destroyIdle } from './idle-connections.js';

/** SQL with a name is prepared once per connection. A name stands for one text for ever. */
export interface Statement {
  name?: string;
  text: string;
}

/** Runs one statement and gives its rows. */
export type Query = <Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

const unprepared = new WeakSet<Pool>();

/** From now on statements over this pool are not prepared: behind a pooler the next one may run on another connection. */
export function prepareNothing(pool: Pool): void {
  unprepared.add(pool);
}

/** The statement as it may be sent over this pool. */
export function sendable(pool: Pool, statement: Statement): Statement {
  return unprepared.has(pool) ? { text: statement.text } : statement;
}

/** A read that Postgres does not answer in this time is given up, and its connection with it. */
export const readTimeoutMs = 1000;

/** Reads over the pool, each bounded by `timeoutMs`. Throws AppErrors as `inShopWords` says. */
export function createPoolQuery(pool: Pool, timeoutMs = readTimeoutMs): Query {
  return async <Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> => {
    try {
      // pg reads `query_timeout` from the query as well; its types only know it on the client.
      const config = { ...sendable(pool, statement), values: [...values], query_timeout: timeoutMs };
      return (await inShopWords(() => pool.query<Row>(config))).rows;
    } catch (error) {
      // What hung on one connection hangs on the others: without this, each idle one would cost the next reader its whole timeout.
      if (isReadTimeout(error)) destroyIdle(pool);
      throw error;
    }
  };
}

function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message === 'Query read timeout';
}
