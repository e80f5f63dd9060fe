import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import { AppError } from '../errors.js';
import { breaksConnection, inShopWords, toAppError } from './failures.js';
import { answersOfTwo, asParts, type Call, inFull, inOneMessage, type Part, type TwoAnswers, type TwoCalls } from './one-message.js';
import { keepsPrepared, type Query, type Statement, sendable } from './statement.js';
import { watched } from './watched-query.js';

/** What is sent before the first statements, and who is told what it answered, before anybody hears of anything else. */
export interface Leading {
  calls: TwoCalls;
  onAnswer(rows: TwoAnswers): void;
}

/**
 * A connection of the pool in the hands of one transaction, until its end: `rollback`, or `commit`, gives it back.
 * @param answerMs after which an answer is given up, and the connection with it
 */
export function hold(pool: Pool, client: PoolClient, answerMs: number) {
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

  /** All of them in one go, with the results of each. */
  async function sendAll(parts: readonly Part[], label: Statement): Promise<QueryResult[]> {
    if (!keepsPrepared(pool)) return [await send({ text: parts.map(inFull).join('; ') })].flat();
    try {
      return await watched(pool, label, () => inOneMessage(client, parts, answerMs));
    } catch (error) {
      broken ||= breaksConnection(error);
      throw error;
    }
  }

  /** The first statements and the calls, with the results of these. */
  async function begin(first: readonly Part[], calls: readonly Call[], lead?: Leading): Promise<readonly (QueryResult | undefined)[]> {
    if (!keepsPrepared(pool)) {
      const sent = await Promise.allSettled([sendAll(first, { text: 'BEGIN' }), ...calls.map(({ statement, values }) => send(statement, values))]);
      // Without BEGIN the others say nothing, or only that the transaction has failed before.
      for (const part of sent) if (part.status === 'rejected') throw part.reason;
      return sent.slice(1).map((part) => (part.status === 'fulfilled' ? (part.value as QueryResult) : undefined));
    }
    const before = [...(lead ? asParts(lead.calls) : []), ...first];
    const answers = await sendAll([...before, ...calls], lead?.calls[0].statement ?? { text: 'BEGIN' });
    lead?.onAnswer(answersOfTwo(answers));
    return answers.slice(before.length);
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

  /** The last statements and COMMIT. False where their answer is lost. */
  async function commit(last: readonly Part[]): Promise<boolean> {
    if (broken) {
      release();
      throw new AppError('database_unavailable', 'The database does not answer at the moment');
    }
    let command: string | undefined;
    try {
      command = (await sendAll([...last, 'COMMIT'], { text: 'COMMIT' })).at(-1)?.command;
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
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a failed statement was passed over');
    return true;
  }

  return { begin, query, rollback, commit };
}
