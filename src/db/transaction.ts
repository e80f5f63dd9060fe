import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { AppError } from '../errors.js';
import { breaksConnection, inShopWords, toAppError } from './failures.js';
import type { Query, Statement } from './statement.js';

/** Milliseconds after which the client gives up on an answer; later than the server's own statement timeout, which leaves a usable connection. */
const answerMs = 6000;

const begin = `BEGIN; SET LOCAL lock_timeout = '1s'; SET LOCAL idle_in_transaction_session_timeout = '3s'; SET LOCAL synchronous_commit = on`;

/**
 * Runs `work` in one transaction on one held connection: commits when it returns, rolls back when it throws.
 * Throws `busy` where a lock did not come free, `database_unavailable` where Postgres did not answer and nothing was committed, and
 * `write_outcome_unknown` where the connection was lost after COMMIT had been sent: the write may stand.
 */
export async function transaction<T>(pool: Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await inShopWords(() => pool.connect());
  const held = hold(client);
  let result: T;
  try {
    await inShopWords(() => held.send({ text: begin }));
    result = await work(held.query);
  } catch (error) {
    await held.rollback();
    throw toAppError(error);
  }
  await held.commit();
  return result;
}

function hold(client: PoolClient) {
  let broken = false;
  // Between two queries nobody waits for an answer, so a connection that ends there is known by this event alone.
  const onError = () => {
    broken = true;
  };
  client.on('error', onError);

  async function send<Row extends QueryResultRow>(statement: Statement, values: readonly unknown[] = []) {
    try {
      const simple = values.length === 0 && statement.name === undefined;
      return await client.query<Row>({ ...statement, ...(simple ? {} : { values: [...values] }), ...{ query_timeout: answerMs } });
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

  async function commit() {
    if (broken) {
      release();
      throw new AppError('database_unavailable', 'The database does not answer at the moment');
    }
    try {
      const { command } = await send({ text: 'COMMIT' });
      // A statement failed and `work` went on regardless: Postgres answers COMMIT with ROLLBACK, and without an error.
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a failed statement was passed over');
    } catch (error) {
      if (broken)
        throw new AppError('write_outcome_unknown', 'The change may or may not have been made: the database was lost while it was saved', {
          cause: error,
        });
      throw toAppError(error);
    } finally {
      release();
    }
  }

  return { send, query, rollback, commit };
}
