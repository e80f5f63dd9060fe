import pg from 'pg';
import { type Database, splitOptions } from './client.js';
import { cutConnection } from './cut-connection.js';
import { readTimeoutMs, serverTimeoutMs } from './statement.js';

const connectMs = 1000;
/** Postgres takes any setting that has a dot in its name, and knows nothing of this one. */
const mark = 'truetag.is_direct';

/**
 * Whether whoever answers here refuses start-up settings, as a pooler does, or drops them, as one does that was told to
 * (`ignore_startup_parameters`). False where nobody answers.
 */
export async function isPooler(url: string): Promise<boolean> {
  const { connectionString } = splitOptions(url);
  const client = new pg.Client({ connectionString, options: `-c ${mark}=yes`, connectionTimeoutMillis: connectMs, query_timeout: connectMs });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ value: string | null }>('SELECT current_setting($1, true) AS value', [mark]);
    return rows[0]?.value !== 'yes';
  } catch (error) {
    return error instanceof Error && error.message.includes('startup parameter');
  } finally {
    cutConnection(client);
  }
}

/** Behind a pooler the time zone cannot be set for each connection, and in another than UTC times would be stored hours off. */
export async function requireUtc({ pool }: Pick<Database, 'pool'>): Promise<void> {
  const { rows } = await pool.query<{ zone: string }>(`SELECT current_setting('TimeZone') AS zone`);
  const zone = rows[0]?.zone ?? '';
  if (!/^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal)$/i.test(zone)) {
    throw new Error(
      `The database's time zone is ${zone}: behind a pooler it has to be UTC (ALTER ROLE ... SET timezone TO 'UTC', then reconnect the pooler)`,
    );
  }
}

/**
 * What is to be said of a database that goes on with what nobody waits for any more; null where it ends a read in time. A slow one would be
 * kept busy by statements that were given up, each of which holds a connection of the pooler besides.
 */
export async function findBoundFault({ pool }: Pick<Database, 'pool'>): Promise<string | null> {
  const { rows } = await pool.query<{ ms: number; role: string }>(
    `SELECT setting::int AS ms, current_user AS role FROM pg_settings WHERE name = 'statement_timeout'`,
  );
  const { ms, role } = rows[0] ?? { ms: 0, role: '...' };
  if (ms > 0 && ms <= readTimeoutMs) return null;
  const stands = ms === 0 ? 'bounds no statement' : `ends a statement after ${ms} ms`;
  return (
    `Postgres ${stands} on the connections of DATABASE_URL (statement_timeout), so that a read, which is given up here after ${readTimeoutMs} ms, ` +
    `runs on for nobody. Behind a pooler: ALTER ROLE ${pg.escapeIdentifier(role)} SET statement_timeout = '${serverTimeoutMs}ms', then reconnect ` +
    'the pooler; elsewhere look at the options in DATABASE_URL'
  );
}
