import pg, { type Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import { breaksConnection } from './failures.js';
import { bounded, keepsPrepared, onConnection, readTimeoutMs, type Statement } from './statement.js';
import { watched } from './watched-query.js';

/** A statement with its values, which are text, numbers, booleans or null. */
export interface Call {
  statement: Statement;
  values: readonly unknown[];
}

/** SQL without values, or a call. */
export type Part = string | Call;

/** The text of each statement by its name. */
const preparedOn = new WeakMap<PoolClient, Map<string, string>>();

/**
 * Sends all of `parts`, each one statement, in one message that Postgres answers in one: for both ends that is one wake-up instead of many. They
 * run in their order up to the first that fails, in one transaction as far as BEGIN and COMMIT among them do not say otherwise. Not through a
 * pooler, which keeps nothing prepared.
 * @returns a result for each part
 */
export async function inOneMessage(client: PoolClient, parts: readonly Part[], timeoutMs: number): Promise<QueryResult<QueryResultRow>[]> {
  await prepare(client, parts, timeoutMs);
  const text = parts.map((part) => (typeof part === 'string' ? part : execute(part))).join('; ');
  // One result where there is one statement.
  const answers = (await client.query(bounded({ text }, timeoutMs))) as QueryResult<QueryResultRow> | QueryResult<QueryResultRow>[];
  return Array.isArray(answers) ? answers : [answers];
}

/** Two statements, each a transaction of its own: the second sees what the first has committed. */
export type TwoCalls = readonly [Call, Call];
/** The rows of either. */
export type TwoAnswers = [QueryResultRow[], QueryResultRow[]];

/** Both as they are sent with others, before them. */
export function asParts([first, second]: TwoCalls): Part[] {
  return ['BEGIN', first, 'COMMIT', 'BEGIN', second, 'COMMIT'];
}

/** What these parts have answered. */
export function answersOfTwo([, one, , , two]: readonly QueryResult<QueryResultRow>[]): TwoAnswers {
  return [one?.rows ?? [], two?.rows ?? []];
}

/** Both over one connection in one round trip. They have half as much time again as one statement. */
export async function inTurn(pool: Pool, calls: TwoCalls, timeoutMs = 1.5 * readTimeoutMs): Promise<TwoAnswers> {
  return onConnection(pool, async (client) => {
    const [first, second] = calls;
    if (keepsPrepared(pool)) {
      const answers = await watched(pool, first.statement, () => inOneMessage(client, asParts(calls), timeoutMs)).catch(async (error: unknown) => {
        if (!breaksConnection(error)) await client.query(bounded({ text: 'ROLLBACK' }, timeoutMs));
        throw error;
      });
      return answersOfTwo(answers);
    }
    const ask = ({ statement, values }: Call) =>
      watched(pool, statement, () => client.query<QueryResultRow>(bounded({ text: statement.text, values: [...values] }, timeoutMs)));
    const [one, two] = await Promise.allSettled([ask(first), ask(second)]);
    const failures = [one, two].flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
    // One that breaks the connection says more of it than one that does not.
    if (failures.length > 0) throw failures.find(breaksConnection) ?? failures[0];
    return [one, two].map((part) => (part.status === 'fulfilled' ? part.value.rows : [])) as TwoAnswers;
  });
}

/** Once for each connection, and in messages of their own: what is prepared inside a transaction that fails is prepared all the same. */
async function prepare(client: PoolClient, parts: readonly Part[], timeoutMs: number): Promise<void> {
  const prepared = preparedOn.get(client) ?? new Map<string, string>();
  preparedOn.set(client, prepared);
  for (const part of parts) {
    if (typeof part === 'string') continue;
    const known = prepared.get(nameOf(part));
    if (known !== undefined && known !== part.statement.text) throw new Error(`two statements have the name ${part.statement.name}`);
    if (known !== undefined) continue;
    await client.query(bounded({ text: `PREPARE ${nameOf(part)} AS ${part.statement.text}` }, timeoutMs));
    prepared.set(nameOf(part), part.statement.text);
  }
}

/** Not the name that pg prepares it under itself. */
function nameOf({ statement }: Call): string {
  if (statement.name === undefined) throw new Error('a statement without a name cannot be sent with others');
  return `message_${statement.name}`;
}

/** For who cannot prepare: the part with its values in it, which stand nowhere in its text but as `$1`, `$2`, ... */
export function inFull(part: Part): string {
  return typeof part === 'string' ? part : part.statement.text.replace(/\$(\d+)/g, (_, place: string) => literal(part.values[Number(place) - 1]));
}

function execute(call: Call): string {
  return `EXECUTE ${nameOf(call)}${call.values.length > 0 ? `(${call.values.map(literal).join(', ')})` : ''}`;
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return /['\\]/.test(value) ? pg.escapeLiteral(value) : `'${value}'`;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return String(value);
  throw new Error('only text, numbers, booleans and null can be sent with others');
}
