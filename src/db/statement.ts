import type { Pool, PoolClient, QueryConfig, QueryResultRow } from 'pg';
import { breaksConnection, inShopWords, toAppError } from './failures.js';
import { destroyIdle } from './idle-connections.js';
import { watched } from './watched-query.js';

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

/** Whether a statement that was prepared over this pool stays prepared. */
export function keepsPrepared(pool: Pool): boolean {
  return !unprepared.has(pool);
}

/** The statement as it may be sent over this pool. */
export function sendable(pool: Pool, statement: Statement): Statement {
  return unprepared.has(pool) ? { text: statement.text } : statement;
}

/** A read that Postgres does not answer in this time is given up, and its connection with it. */
export const readTimeoutMs = 1000;

/**
 * What the server allows a statement outside of a transaction, unless the URL says otherwise: less than whoever waits for it does. So a database
 * that is slow stops by itself what nobody would hear of any more and is not asked for new connections besides. Transactions set their own.
 */
const marginMs = 100;
export const serverTimeoutMs = readTimeoutMs - marginMs;

/**
 * Reads over the pool, each bounded by `timeoutMs`, and by the server's bound where that is shorter: see `createLongQuery`. Throws AppErrors as
 * `inShopWords` says.
 */
export function createPoolQuery(pool: Pool, timeoutMs = readTimeoutMs): Query {
  return async <Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> =>
    onConnection(pool, async (client) => {
      const config = bounded({ ...sendable(pool, statement), values: [...values] }, timeoutMs);
      const { rows } = await watched(pool, statement, () => client.query<Row>(config));
      return rows;
    });
}

/**
 * Reads over the pool that may take longer than the server allows by default, up to `timeoutMs`. Each is a transaction of its own, because that
 * can have another bound, behind a pooler too; two round trips more are nothing beside what it reads.
 */
export function createLongQuery(pool: Pool, timeoutMs: number): Query {
  const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs - marginMs}`;
  return async <Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> =>
    onConnection(pool, async (client) => {
      const ask = <T extends QueryResultRow>(config: QueryConfig) => client.query<T>(bounded(config, timeoutMs));
      await ask({ text: begin });
      const config = { ...sendable(pool, statement), values: [...values] };
      const answer = await watched(pool, statement, () => ask<Row>(config)).catch(async (error: unknown) => {
        if (!breaksConnection(error)) await ask({ text: 'ROLLBACK' });
        throw error;
      });
      await ask({ text: 'COMMIT' });
      return answer.rows;
    });
}

/** pg reads `query_timeout` from the query as well; its types only know it on the client. */
export function bounded<T extends QueryConfig>(query: T, timeoutMs: number): T {
  return { ...query, query_timeout: timeoutMs };
}

const unsent = new WeakSet<object>();

/** Whether nothing was sent before this failure, because there was no connection to send it on. */
export function isUnsent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unsent.has(error);
}

/** A connection of the pool. What it throws is unsent. */
export function connect(pool: Pool): Promise<PoolClient> {
  return inShopWords(() => watched(pool, 'connect', () => pool.connect())).catch((error: unknown) => {
    if (typeof error === 'object' && error !== null) unsent.add(error);
    throw error;
  });
}

/** Unlike `pool.query`, this keeps a connection that has only said that a statement failed. */
export async function onConnection<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  try {
    const value = await work(client);
    client.release();
    return value;
  } catch (error) {
    client.release(breaksConnection(error));
    throw givenUp(pool, error);
  }
}

/** The error as an AppError. What hung on one connection hangs on the others: without this, each idle one would cost the next its whole timeout. */
export function givenUp(pool: Pool, error: unknown): unknown {
  const said = toAppError(error);
  if (isReadTimeout(said)) destroyIdle(pool);
  return said;
}

function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message === 'Query read timeout';
}
