import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import type { Armed } from '../cache/truth-ports.js';
import { AppError } from '../errors.js';
import { releaseMessage } from './channels.js';
import { breaksConnection, inShopWords, toAppError } from './failures.js';
import { type Call, inOneMessage } from './one-message.js';
import type { Turn } from './product-turns.js';
import { keepsPrepared, type Query, type Statement, sendable } from './statement.js';
import { watched } from './watched-query.js';

/** Milliseconds after which the client gives up on an answer. */
export interface TransactionBounds {
  answerMs: number;
}

/** Later than the server's own statement timeout, which leaves a usable connection. */
const defaultBounds: TransactionBounds = { answerMs: 6000 };

/** The server gives a statement up before we do, at the latest after five seconds. */
const begin = ({ answerMs }: TransactionBounds): string[] => [
  'BEGIN ISOLATION LEVEL READ COMMITTED',
  `SET LOCAL lock_timeout = '1s'`,
  `SET LOCAL statement_timeout = ${Math.min(5000, answerMs - 100)}`,
  `SET LOCAL idle_in_transaction_session_timeout = '3s'`,
  'SET LOCAL synchronous_commit = on',
];

/**
 * What a transaction does. Queries that are not waited for one by one are sent in one go, and answered in order.
 * @param query waits for the first statements of the transaction
 * @param ahead is sent with them, where it is asked at once and has a name. Through a pooler it is sent behind them, and where they do not come through it runs all
 *   the same, outside of any transaction, and its answer is dropped: only for what changes nothing, or nothing that the guard would let pass
 *   outside of a write.
 */
export type Work<T> = (query: Query, ahead: Query) => Promise<T>;

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

/** The write that a transaction is of. */
export interface Arming extends Armed {
  /** Where the release is announced. */
  channel: string;
  /** To be waited for without a connection. */
  turn?: Turn | undefined;
}

/**
 * W4: the same for a write of documents, with `begin_write` as its first statement and `end_write` as its last. It begins when the readers have
 * been waited for. Throws also `keys_moved` where the keys do not cover the slugs any more, and `busy` where the write was ended by somebody else.
 */
export async function armedTransaction<T>(pool: Pool, armed: Arming, work: Work<T>, bounds = defaultBounds): Promise<Ended<T>> {
  await armed.readers;
  return beginArmed(pool, armed, work, bounds);
}

/** The same, begun at once. `work` itself waits for the readers, and may fail while it does. */
export function beginArmed<T>(pool: Pool, armed: Arming, work: Work<T>, bounds = defaultBounds): Promise<Ended<T>> {
  const [token, pair, channel] = [armed.token, armed.pair, armed.channel].map(literal);
  const first = [...begin(bounds), `SELECT begin_write(${token}, ${armed.keyCount})`];
  const last = `SELECT end_write(${pair}, ${channel}, ${literal(releaseMessage(armed.token))}); COMMIT`;
  const begun = () => run(pool, first, work, last, bounds);
  return armed.turn ? armed.turn(begun) : begun();
}

/** Runs `work` as if it were a write of documents, and rolls it back whatever happens. */
export async function rehearsal<T>(pool: Pool, work: Work<T>): Promise<T> {
  // Never committed, so nobody has to be blocked; without the row the guard would refuse what is rehearsed.
  const cover = 'INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())';
  const { value } = await run(pool, [...begin(defaultBounds), cover], work, 'ROLLBACK', defaultBounds);
  return value;
}

async function run<T>(pool: Pool, first: readonly string[], work: Work<T>, last: string, bounds: TransactionBounds): Promise<Ended<T>> {
  const client = await inShopWords(() => watched(pool, 'connect', () => pool.connect()));
  const held = hold(pool, client, bounds.answerMs);
  let value: T;
  try {
    const calls: Call[] = [];
    let isSent = false;
    // In the next microtask: by then `work` has said what goes with the first statements.
    const begun = Promise.resolve().then(async () => {
      isSent = true;
      return inShopWords(() => held.begin(first, calls));
    });
    const query: Query = async (statement, values) => {
      await begun;
      return held.query(statement, values);
    };
    const ahead: Query = async (statement, values) => {
      if (isSent || statement.name === undefined) return query(statement, values);
      const place = calls.push({ statement, values }) - 1;
      return (await begun)[place]?.rows as never;
    };
    // What it throws at once must not come before BEGIN is sent, and its ROLLBACK not either.
    const working = (async () => work(query, ahead))();
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

  /** The first statements and the calls, with the results of these. */
  async function begin(first: readonly string[], calls: readonly Call[]): Promise<readonly (QueryResult | undefined)[]> {
    const text = first.join('; ');
    if (!keepsPrepared(pool)) {
      const sent = await Promise.allSettled([send({ text }), ...calls.map(({ statement, values }) => send(statement, values))]);
      // Without BEGIN the others say nothing, or only that the transaction has failed before.
      for (const part of sent) if (part.status === 'rejected') throw part.reason;
      return sent.slice(1).map((part) => (part.status === 'fulfilled' ? part.value : undefined));
    }
    try {
      return (await watched(pool, { text }, () => inOneMessage(client, [...first, ...calls], answerMs))).slice(first.length);
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

  return { begin, query, rollback, end };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
