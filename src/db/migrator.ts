import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Migration, readMigrations } from './migration-files.js';
import { ask, type MigrationRow, type MigrationTable, openMigrationTable } from './migration-table.js';

export interface MigrateOptions {
  /** Straight to Postgres: a transaction-mode pooler does not carry the lock. */
  url: string;
  /** Default: `prisma/migrations` of this project. */
  directory?: string;
  /** Takes one line per migration applied, and warnings. */
  log?: (line: string) => void;
  /** How long another process that is migrating is waited for, and each lock a migration asks for. Default 60 s. */
  lockTimeoutMs?: number;
}

/** The lock that `prisma migrate deploy` takes, so that the two never run at once. */
const lockKey = 72707369;
const connectTimeoutMs = 10_000;
const migrationTimeoutMs = 30 * 60_000;
const goodbyeMs = 3_000;

/**
 * Applies the pending migrations in the order of their names, keeping the table `_prisma_migrations` as `prisma migrate deploy` does; either
 * can continue what the other began. Safe when several start at once: one works, the others wait and find nothing to do. Tables land
 * wherever the connection's search_path points.
 *
 * A migration recorded but not on disk is only warned about, because an older release must still start on a newer database. One that was
 * edited after it was applied is refused: this database then differs from what the code believes.
 * @throws Error with a message that says what to do, when a migration failed now or before, or was edited
 */
export async function migrate({
  url,
  directory = projectMigrations(),
  log = () => {},
  lockTimeoutMs = 60_000,
}: MigrateOptions): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'truetag migrate',
  });
  // A lost connection also fails the query under way; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await connect(client);
    await takeLock(client, lockTimeoutMs);
    const table = await openMigrationTable(client);
    const pending = findPending(migrations, await table.standing(), log);
    for (const migration of pending) {
      await apply(client, table, migration);
      log(`Applied ${migration.name}`);
    }
    return { applied: pending.map(({ name }) => name) };
  } finally {
    // The lock goes with the connection. A server that has fallen silent is not waited for.
    await Promise.race([client.end(), sleep(goodbyeMs, undefined, { ref: false })]);
  }
}

const projectMigrations = () => fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

async function connect(client: pg.Client): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    // Where a name has several addresses, the reason of each stands inside and the message is empty.
    const first = error instanceof AggregateError ? error.errors[0] : error;
    const reason = first instanceof Error ? first.message : String(first);
    throw new Error(`Postgres at ${client.host}:${client.port} cannot be used (${reason}): start it, or correct the database URL`, { cause: error });
  }
}

async function takeLock(client: pg.Client, lockTimeoutMs: number): Promise<void> {
  // A statement_timeout of the role is meant for requests, not for building an index.
  await ask(client, `SET statement_timeout = 0; SET lock_timeout = ${Math.ceil(lockTimeoutMs)}`);
  try {
    await ask(client, 'SELECT pg_advisory_lock($1)', [lockKey], lockTimeoutMs + connectTimeoutMs);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '55P03')) throw error;
    throw new Error(`Another process has been migrating this database for ${lockTimeoutMs / 1000} s: wait for it to end, then start again`, {
      cause: error,
    });
  }
}

function findPending(migrations: Migration[], rows: MigrationRow[], log: (line: string) => void): Migration[] {
  const unfinished = rows.find((row) => row.finished_at === null);
  if (unfinished !== undefined) {
    const { migration_name: name, logs } = unfinished;
    const reason = logs === null || logs === '' ? '' : ` (${logs.split('\n')[0]})`;
    throw new Error(`Migration ${name} began at ${unfinished.started_at.toISOString()} and did not finish${reason}. ${howToGoOn(unfinished.id)}`);
  }
  const onDisk = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum } of rows) {
    const migration = onDisk.get(name);
    if (migration === undefined) log(`Migration ${name} is applied, but this release does not have it`);
    else if (migration.checksum !== checksum) {
      throw new Error(
        `Migration ${name} was edited after it was applied: bring its migration.sql back as it was and put the change into a new migration`,
      );
    }
  }
  const applied = new Set(rows.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
}

/**
 * The whole file is one simple query. Where it leaves transactions alone, the row's end rides in the same one, so that file and record are
 * kept or lost together, whoever is killed in between. Otherwise the record follows by itself, and a kill leaves an unfinished row.
 */
async function apply(client: pg.Client, table: MigrationTable, migration: Migration): Promise<void> {
  const { name, sql } = migration;
  const isAtomic = !/\b(commit|rollback|concurrently|vacuum)\b/i.test(sql);
  const id = await table.begin(migration, isAtomic);
  try {
    await ask(client, isAtomic ? `${sql}\n;${table.finishing(id)}` : sql, [], migrationTimeoutMs);
    if (!isAtomic) await ask(client, table.finishing(id));
  } catch (error) {
    const fault = describeFault(error, sql);
    const isNoted = await table.fail(id, fault);
    if (isAtomic && !isNoted) throw new Error(`Migration ${name} was cut off (${fault}): start again, it is repeated or was done`, { cause: error });
    throw new Error(`Migration ${name} failed: ${fault}. ${isAtomic ? 'Nothing of it was kept. ' : ''}${howToGoOn(id)}`, { cause: error });
  }
}

function describeFault(error: unknown, sql: string): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error);
  const line = error.position === undefined ? '' : ` (line ${sql.slice(0, Number(error.position) - 1).split('\n').length})`;
  return `${error.message}${line}${error.detail === undefined ? '' : `: ${error.detail}`}`;
}

function howToGoOn(id: string): string {
  return (
    `Once its cause is gone and the database is as it was before, have it run again: UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = '${id}'; ` +
    'where it was completed by hand: the same with finished_at'
  );
}
