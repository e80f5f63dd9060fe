import type { Pool } from 'pg';
import type { Armed } from '../cache/truth-ports.js';
import { releaseMessage } from './channels.js';
import { inShopWords } from './failures.js';
import { hold, type Leading } from './held-connection.js';
import type { Call, Part } from './one-message.js';
import type { Turn } from './product-turns.js';
import { connect, givenUp, type Query, type Statement } from './statement.js';

/** In milliseconds. */
export interface TransactionBounds {
  /** After which the client gives up on an answer. */
  answerMs: number;
  /** After which the server ends it where nothing comes: others wait for its locks. */
  idleMs: number;
}

/** How long the server waits for a lock. */
const lockMs = 1000;
const lockTimeout = (ms: number) => `SET LOCAL lock_timeout = ${ms}`;

/** Later than the server's own statement timeout, which leaves a usable connection. */
const defaultBounds: TransactionBounds = { answerMs: 6000, idleMs: 3000 };

/** The server gives a statement up before we do, at the latest after five seconds. */
const begin = ({ answerMs, idleMs, lockMs: lock = lockMs }: TransactionBounds & { lockMs?: number }): string[] => [
  'BEGIN ISOLATION LEVEL READ COMMITTED',
  lockTimeout(lock),
  `SET LOCAL statement_timeout = ${Math.min(5000, answerMs - 100)}`,
  `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`,
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
  const { value, commit } = await open(pool, begin(bounds), work, bounds);
  return { value, isKnown: await commit([]) };
}

const beginSql: Statement = { name: 'begin_write', text: 'SELECT begin_write($1, $2)' };
const beginArmedSql: Statement = {
  name: 'begin_armed_write',
  text: 'SELECT begin_write($1, $2) WHERE EXISTS (SELECT FROM block WHERE token = $1)',
};
const endSql: Statement = { name: 'end_write', text: 'SELECT end_write($1, $2, $3)' };

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
  const whole = async () => {
    const { value, commit } = await openArmed(pool, armed, work, bounds);
    return { value, isKnown: await commit(armed) };
  };
  return armed.turn ? armed.turn(whole) : whole();
}

/** A transaction that has done its work. It holds a connection and its locks until it is told to end, or the server loses patience with it. */
export interface Open<T> {
  value: T;
  /** @returns whether its end is known, as in `Ended` */
  commit(armed: Arming): Promise<boolean>;
  rollback(): Promise<void>;
}

/** W4 up to its end. The turn is the caller's to wait for. */
export async function openArmed<T>(pool: Pool, armed: Arming, work: Work<T>, bounds = defaultBounds): Promise<Open<T>> {
  const first = [...begin(bounds), { statement: beginSql, values: [armed.token, armed.keyCount] }];
  return toOpen(await open(pool, first, work, bounds));
}

/** W1 and W2 of a write, sent with the beginning of its transaction. */
export interface Lead extends Leading {
  token: string;
  keyCount: number;
  /** How long `begin_write` may wait for a lock. What follows it has the time of every other transaction: COMMIT waits its turn to notify. */
  lockMs: number;
}

/** The same, in one message with what arms it. Where that has armed nothing, `begin_write` is left out. Not through a pooler. */
export async function openBehind<T>(pool: Pool, lead: Lead, work: Work<T>, bounds: TransactionBounds): Promise<Open<T>> {
  const first = [
    ...begin({ ...bounds, lockMs: lead.lockMs }),
    { statement: beginArmedSql, values: [lead.token, lead.keyCount] },
    lockTimeout(lockMs),
  ];
  return toOpen(await open(pool, first, work, bounds, lead));
}

function toOpen<T>({ value, commit, rollback }: Held<T>): Open<T> {
  const end = ({ token, pair, channel }: Arming): Call => ({ statement: endSql, values: [pair, channel, releaseMessage(token)] });
  return { value, commit: (armed) => commit([end(armed)]), rollback };
}

/** Runs `work` as if it were a write of documents, and rolls it back whatever happens. */
export async function rehearsal<T>(pool: Pool, work: Work<T>): Promise<T> {
  // Never committed, so nobody has to be blocked; without the row the guard would refuse what is rehearsed.
  const cover = 'INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())';
  const { value, rollback } = await open(pool, [...begin(defaultBounds), cover], work, defaultBounds);
  await rollback();
  return value;
}

interface Held<T> {
  value: T;
  commit: ReturnType<typeof hold>['commit'];
  rollback(): Promise<void>;
}

async function open<T>(pool: Pool, first: readonly Part[], work: Work<T>, bounds: TransactionBounds, lead?: Lead): Promise<Held<T>> {
  const client = await connect(pool);
  const held = hold(pool, client, bounds.answerMs);
  let value: T;
  try {
    const calls: Call[] = [];
    let isSent = false;
    // In the next microtask: by then `work` has said what goes with the first statements.
    const begun = Promise.resolve().then(async () => {
      isSent = true;
      return inShopWords(() => held.begin(first, calls, lead));
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
    throw givenUp(pool, error);
  }
  return { value, commit: held.commit, rollback: held.rollback };
}
