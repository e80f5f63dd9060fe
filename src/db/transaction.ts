import type { Pool, PoolClient, QueryResultRow } from 'pg';
import type { Armed } from '../cache/truth-ports.js';
import { AppError } from '../errors.js';
import { releaseMessage } from './channels.js';
import { breaksConnection, inShopWords, toAppError } from './failures.js';
import { type Query, type Statement, sendable } from './statement.js';
import { watched } from './watched-query.js';

/** Milliseconds after which the client gives up on an answer. */
export interface TransactionBounds {
  answerMs: number;
}

/** Later than the server's own statement timeout, which leaves a usable connection. */
const defaultBounds: TransactionBounds = { answerMs: 6000 };

/** The server gives a statement up before we do, at the latest after five seconds. */
const begin = ({ answerMs }: TransactionBounds) =>
  `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = ${Math.min(5000, answerMs - 100)}; SET LOCAL idle_in_transaction_session_timeout = '3s'; SET LOCAL synchronous_commit = on`;

/**
 * What a transaction does. Queries that are not waited for one by one are sent in one go, and answered in order.
 * @param query waits for the first statements of the transaction
 * @param read is sent right behind them. Where they do not come through it runs all the same, outside of any transaction, and its answer is
 *   dropped: only for what changes nothing.
 */
export type Work<T> = (query: Query, read: Query) => Promise<T>;

/** A transaction that has ended. `isKnown` false: COMMIT was sent and its answer is lost, so that it may stand or not. */
export interface Ended<T> {
  value: T;
  isKnown: boolean;
}

/**
 * Runs `work` in one transaction on one held connection: commits when it returns, rolls back when it throws.
 * Throws `busy` where a lock did not come free, and `database_unavailable` where Postgres did not answer and nothing was committed.
 */
export async function transaction<T>(pool: Pool, work: Work<T>, bounds = defaultBounds): Promise<Ended<T>> {
  return run(pool, begin(bounds), work, 'COMMIT', bounds);
}

/**
 * W4: the same for a write of documents, with `begin_write` as its first statement and `end_write` as its last. Throws also `keys_moved`
 * where the keys do not cover the slugs any more, and `busy` where the write was ended by somebody else.
 * @param channel where the release is announced
 */
export async function armedTransaction<T>(pool: Pool, armed: Armed & { channel: string }, work: Work<T>, bounds = defaultBounds): Promise<Ended<T>> {
  const [token, pair, channel] = [armed.token, armed.pair, armed.channel].map(literal);
  const first = `${begin(bounds)}; SELECT begin_write(${token}, ${armed.keyCount})`;
  return run(pool, first, work, `SELECT end_write(${pair}, ${channel}, ${literal(releaseMessage(armed.token))}); COMMIT`, bounds);
}

/** Runs `work` as if it were a write of documents, and rolls it back whatever happens. */
export async function rehearsal<T>(pool: Pool, work: Work<T>): Promise<T> {
  // Never committed, so nobody has to be blocked; without the row the guard would refuse what is rehearsed.
  const cover = 'INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())';
  const { value } = await run(pool, `${begin(defaultBounds)}; ${cover}`, work, 'ROLLBACK', defaultBounds);
  return value;
}

async function run<T>(pool: Pool, first: string, work: Work<T>, last: string, bounds: TransactionBounds): Promise<Ended<T>> {
  const client = await inShopWords(() => watched(pool, 'connect', () => pool.connect()));
  const held = hold(pool, client, bounds.answerMs);
  let value: T;
  try {
    const begun = inShopWords(() => held.send({ text: first }));
    const query: Query = async (statement, values) => {
      await begun;
      return held.query(statement, values);
    };
    const read: Query = async (statement, values) => {
      // Without BEGIN its own answer says nothing, or only that the transaction has failed before.
      const [, rows] = await Promise.all([begun, held.query(statement, values)]);
      return rows as never;
    };
    const working = work(query, read);
    // Nothing may be sent any more once the connection is given back.
    await Promise.allSettled([begun, working]);
    await begun;
    value = await working;
  } catch (error) {
    await held.rollback();
    throw toAppError(error);
  }
  return { value, isKnown: await held.end(last) };
}

function hold(pool: Pool, client: PoolClient, answerMs: number) {
  let broken = false;
  // Between two queries nobody waits for an answer, so a connection that ends there is known by this event alone.
  const onError = () => {
    broken = true;
  };
  client.on('error', onError);

  async function send<Row extends QueryResultRow>(statement: Statement, values: readonly unknown[] = []) {
    try {
      const simple = values.length === 0 && statement.name === undefined;
      const config = { ...sendable(pool, statement), ...(simple ? {} : { values: [...values] }), ...{ query_timeout: answerMs } };
      return await watched(pool, statement, () => client.query<Row>(config));
    } catch (error) {
      broken ||= breaksConnection(error);
      throw error;
    }
  }

  function release() {
    client.removeListener('error', onError);
    client.release(broken);
  }

  const query: Query = async (statement, values) => (await inShopWords(() => send(statement, values))).rows as never;

  async function rollback() {
    if (!broken) await send({ text: 'ROLLBACK' }).catch(() => {});
    release();
  }

  /** The last statements. False where their answer is lost. */
  async function end(text: string): Promise<boolean> {
    if (broken) {
      release();
      throw new AppError('database_unavailable', 'The database does not answer at the moment');
    }
    const wanted = text.endsWith('COMMIT') ? 'COMMIT' : 'ROLLBACK';
    let command: string | undefined;
    try {
      command = [await send({ text })].flat().at(-1)?.command;
    } catch (error) {
      if (broken) {
        release();
        return false;
      }
      await rollback();
      throw toAppError(error);
    }
    release();
    // A statement failed and `work` went on regardless: Postgres answers COMMIT with ROLLBACK, and without an error.
    if (command !== wanted) throw new Error('the transaction was rolled back: a failed statement was passed over');
    return true;
  }

  return { send, query, rollback, end };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
