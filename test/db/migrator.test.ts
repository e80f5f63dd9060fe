import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/db/migrator.js';
import { createEmptyDatabase } from '../harness/database.js';

let database: { url: string; drop(): Promise<void> };
let client: pg.Client;
let directory: string;

beforeEach(async () => {
  database = await createEmptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  directory = mkdtempSync(join(tmpdir(), 'truetag-migrations-'));
});

afterEach(async () => {
  await client.end();
  await database.drop();
  rmSync(directory, { recursive: true });
});

function write(name: string, sql: string): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, 'migration.sql'), sql);
}

async function rows(text: string): Promise<Record<string, unknown>[]> {
  return (await client.query(text)).rows;
}

describe('migrate', () => {
  it("applies this project's migrations, and then finds nothing to do", async () => {
    const first = await migrate({ url: database.url });
    expect(first.applied[0]).toBe('20261122000000_create_catalog');
    expect(await rows('SELECT count(*)::int AS count FROM catalog')).toEqual([{ count: 1 }]);
    expect(await migrate({ url: database.url })).toEqual({ applied: [] });
  });

  it('applies in the order of the names and records each as Prisma does', async () => {
    write('2_fill', 'INSERT INTO thing VALUES (1), (2); -- the last line has no end');
    write('1_make', 'CREATE TABLE thing (id int PRIMARY KEY);');
    const lines: string[] = [];
    expect(await migrate({ url: database.url, directory, log: (line) => lines.push(line) })).toEqual({ applied: ['1_make', '2_fill'] });
    expect(lines).toEqual(['Applied 1_make', 'Applied 2_fill']);
    const recorded = await rows(
      'SELECT migration_name, checksum, finished_at >= started_at AS finished, rolled_back_at, logs, applied_steps_count, length(id) AS id FROM _prisma_migrations ORDER BY 1',
    );
    const checksum = createHash('sha256').update('CREATE TABLE thing (id int PRIMARY KEY);').digest('hex');
    expect(recorded[0]).toEqual({
      migration_name: '1_make',
      checksum,
      finished: true,
      rolled_back_at: null,
      logs: null,
      applied_steps_count: 1,
      id: 36,
    });
  });

  it('applies each migration once when several start at the same time', async () => {
    write('1_make', 'CREATE TABLE thing (id int); SELECT pg_sleep(0.1);');
    write('2_fill', 'INSERT INTO thing VALUES (1);');
    const runs = await Promise.all(Array.from({ length: 6 }, () => migrate({ url: database.url, directory })));
    expect(runs.flatMap(({ applied }) => applied).sort()).toEqual(['1_make', '2_fill']);
    expect(await rows('SELECT id FROM thing')).toEqual([{ id: 1 }]);
  });

  it('does not wait for another migrator without an end', async () => {
    await client.query('SELECT pg_advisory_lock(72707369)');
    await expect(migrate({ url: database.url, directory, lockTimeoutMs: 200 })).rejects.toThrow(
      /Another process has been migrating this database for 0.2 s/,
    );
  });

  it('keeps nothing of a failed migration, says why and how to go on, and refuses until that is done', async () => {
    write('1_make', 'CREATE TABLE thing (id int);\n\nINSERT INTO nothing VALUES (1);');
    await expect(migrate({ url: database.url, directory })).rejects.toThrow(
      /1_make failed: relation "nothing" does not exist \(line 3\).*UPDATE _prisma_migrations SET rolled_back_at/s,
    );
    expect(await rows("SELECT to_regclass('thing') AS thing")).toEqual([{ thing: null }]);
    expect(await rows('SELECT logs, finished_at, applied_steps_count FROM _prisma_migrations')).toEqual([
      { logs: 'relation "nothing" does not exist (line 3)', finished_at: null, applied_steps_count: 0 },
    ]);

    write('1_make', 'CREATE TABLE thing (id int);');
    await expect(migrate({ url: database.url, directory })).rejects.toThrow(
      /1_make began at .* and did not finish \(relation "nothing" does not exist/,
    );
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now()');
    expect(await migrate({ url: database.url, directory })).toEqual({ applied: ['1_make'] });
  });

  it('repeats a migration whose process and server were killed in the middle', async () => {
    write('1_make', "CREATE TABLE thing (id int); SELECT pg_sleep(20) WHERE current_setting('truetag.slow', true) = 'on';");
    await client.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET truetag.slow = 'on'`);
    const cutOff = migrate({ url: database.url, directory });
    const outcome = expect(cutOff).rejects.toThrow(/1_make was cut off .*: start again/);
    await expect
      .poll(
        async () =>
          (await rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()")).length,
      )
      .toBe(1);
    await outcome;
    await client.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} RESET truetag.slow`);
    expect(await migrate({ url: database.url, directory })).toEqual({ applied: ['1_make'] });
    expect(await rows('SELECT count(*)::int AS rows, count(rolled_back_at)::int AS gone FROM _prisma_migrations')).toEqual([{ rows: 2, gone: 1 }]);
  });

  it('runs a file that cannot run in a transaction', async () => {
    write('1_make', 'CREATE TABLE thing (id int);');
    write('2_index', 'CREATE INDEX CONCURRENTLY thing_id_idx ON thing (id);');
    expect(await migrate({ url: database.url, directory })).toEqual({ applied: ['1_make', '2_index'] });
  });

  it('refuses a migration that was edited after it was applied', async () => {
    write('1_make', 'CREATE TABLE thing (id int);');
    await migrate({ url: database.url, directory });
    write('1_make', 'CREATE TABLE thing (id bigint);');
    await expect(migrate({ url: database.url, directory })).rejects.toThrow('1_make was edited after it was applied');
  });

  it('starts an older release on a newer database, with a warning', async () => {
    write('1_make', 'CREATE TABLE thing (id int);');
    write('2_newer', 'SELECT 1;');
    await migrate({ url: database.url, directory });
    rmSync(join(directory, '2_newer'), { recursive: true });
    const lines: string[] = [];
    expect(await migrate({ url: database.url, directory, log: (line) => lines.push(line) })).toEqual({ applied: [] });
    expect(lines).toEqual(['Migration 2_newer is applied, but this release does not have it']);
  });

  it('puts the tables where the search_path points', async () => {
    await client.query('CREATE SCHEMA shop');
    write('1_make', 'CREATE TABLE thing (id int); SET search_path = public;');
    const url = `${database.url}?options=-c%20search_path%3Dshop`;
    await migrate({ url, directory });
    expect(await rows("SELECT to_regclass('shop.thing') IS NOT NULL AS thing, to_regclass('shop._prisma_migrations') IS NOT NULL AS record")).toEqual(
      [{ thing: true, record: true }],
    );
    expect(await migrate({ url, directory })).toEqual({ applied: [] });
  });

  it('says which server does not answer, and never the password', async () => {
    await expect(migrate({ url: 'postgres://someone:secret@127.0.0.1:1/nowhere', directory })).rejects.toThrow(
      /^Postgres at 127.0.0.1:1 cannot be used \((?!.*secret).*ECONNREFUSED/,
    );
  });
});
