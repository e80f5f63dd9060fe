import { randomInt } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../src/db/migrator.js';

/** Databases of a run are named `truetag_test_<run>_<what>`; the run holds an advisory lock of that number as long as it lives. */
const prefix = 'truetag_test_';
const lockSpace = 727074;

/** The URL of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

/**
 * Makes the migrated database that every test file gets a copy of, and clears away what a killed run has left on a server that outlived it.
 * @param url a superuser's, or that of a role that may create databases
 */
export async function makeTemplate(url: string): Promise<{ template: string; prefix: string; drop(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  const run = randomInt(1, 2 ** 31 - 1);
  const own = `${prefix}${run}_`;
  const template = `${own}template`;
  await client.query('SELECT pg_advisory_lock($1, $2)', [lockSpace, run]);
  await dropAbandoned(client);
  await client.query(`CREATE DATABASE ${template}`);
  await migrate({ url: withDatabase(url, template) });
  return {
    template,
    prefix: own,
    drop: async () => {
      for (const name of await databasesLike(client, own)) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await client.end();
    },
  };
}

async function dropAbandoned(client: pg.Client): Promise<void> {
  for (const name of await databasesLike(client, prefix)) {
    const run = Number(name.slice(prefix.length).split('_')[0]);
    const { rows } = await client.query<{ isAbandoned: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS "isAbandoned"', [lockSpace, run]);
    if (!rows[0]?.isAbandoned) continue;
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query('SELECT pg_advisory_unlock($1, $2)', [lockSpace, run]);
  }
}

async function databasesLike(client: pg.Client, start: string): Promise<string[]> {
  const { rows } = await client.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname ~ '^truetag_test_\\d+_\\w+$'`,
    [start],
  );
  return rows.map(({ datname }) => datname);
}
