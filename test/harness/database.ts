import pg from 'pg';
import { inject } from 'vitest';
import { withDatabase } from './template.js';

let made = 0;

/** A migrated, empty database for one test file. `drop` cuts off whoever is still connected. */
export async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { url, template, prefix } = inject('database');
  const name = `${prefix}${process.pid}_${++made}`;
  await onServer(url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return { url: withDatabase(url, name), drop: () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** A database without a single table, for tests of the migrator. */
export async function createEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { url, prefix } = inject('database');
  const name = `${prefix}${process.pid}_${++made}`;
  await onServer(url, `CREATE DATABASE ${name} TEMPLATE template0`);
  return { url: withDatabase(url, name), drop: () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}
