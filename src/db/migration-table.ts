import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Migration } from './migration-files.js';

/** One row of `_prisma_migrations` that was not rolled back. */
export interface MigrationRow {
  id: string;
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  started_at: Date;
  logs: string | null;
}

export interface MigrationTable {
  /** What was applied, and what began and did not finish, oldest first. */
  standing(): Promise<MigrationRow[]>;
  /** Notes that a migration begins; returns the row's id. */
  begin(migration: Migration, isAtomic: boolean): Promise<string>;
  /** The statement that notes its end. */
  finishing(id: string): string;
  /** Keeps what went wrong. False where that could not be written. */
  fail(id: string, fault: string): Promise<boolean>;
}

const statementTimeoutMs = 10_000;

/** Stands in `logs` while a migration runs. A row that still has it, with nobody holding the lock, is one whose transaction is gone. */
const runningMark = 'Running in one transaction with this row: as long as finished_at is empty, nothing of it is kept.';

/** Opens the table in which Prisma keeps its migrations, and makes it where it is missing. The caller holds the lock. */
export async function openMigrationTable(client: pg.Client): Promise<MigrationTable> {
  await ask(
    client,
    `SET client_min_messages = warning;
    CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,
      rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0
    );
    RESET client_min_messages`,
  );
  const table = await fullName(client);
  await ask(client, `UPDATE ${table} SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL AND logs = $1`, [runningMark]);

  return {
    standing: async () => {
      const columns = 'id, migration_name, checksum, finished_at, started_at, logs';
      return (await ask<MigrationRow>(client, `SELECT ${columns} FROM ${table} WHERE rolled_back_at IS NULL ORDER BY started_at`)).rows;
    },
    begin: async ({ name, checksum }, isAtomic) => {
      const id = randomUUID();
      const values = [id, checksum, name, isAtomic ? runningMark : null];
      await ask(client, `INSERT INTO ${table} (id, checksum, migration_name, started_at, logs) VALUES ($1, $2, $3, now(), $4)`, values);
      return id;
    },
    finishing: (id) =>
      `UPDATE ${table} SET applied_steps_count = applied_steps_count + 1, finished_at = clock_timestamp(), logs = NULL WHERE id = '${id}'`,
    fail: async (id, fault) => {
      const note = async () => {
        await ask(client, 'ROLLBACK');
        await ask(client, `UPDATE ${table} SET logs = $2 WHERE id = $1`, [id, fault]);
      };
      return note().then(
        () => true,
        () => false,
      );
    },
  };
}

/** One short statement (or several, without values), bounded also where the server no longer answers. */
export function ask<R extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: unknown[] = [],
  timeoutMs = statementTimeoutMs,
): Promise<pg.QueryResult<R>> {
  // With a list of values, even an empty one, pg speaks the protocol that takes a single statement. Its types lack query_timeout.
  const query = { text, query_timeout: timeoutMs, ...(values.length > 0 && { values }) };
  return client.query<R>(query as pg.QueryConfig);
}

/** Holds even where a migration changes the search_path. */
async function fullName(client: pg.Client): Promise<string> {
  const { rows } = await ask<{ name: string }>(
    client,
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('_prisma_migrations')`,
  );
  return rows[0]?.name ?? '_prisma_migrations';
}
