import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.js';
import { isAlive, signal, waitUntilGone } from '../../src/db/process-life.js';

let folder: string;
/** A cluster that several tests use one after the other, because making one takes a second. */
let made: string;
let started: EmbeddedPostgres[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'truetag-embedded-'));
  chmodSync(folder, 0o755);
  made = join(folder, 'made');
});

afterEach(async () => {
  for (const postgres of started) await postgres.stop();
  started = [];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(dataDir = made): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
  started.push(postgres);
  return postgres;
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('startEmbeddedPostgres', () => {
  it('makes a UTF-8 cluster behind a password, and comes back on it at the same port', async () => {
    const first = await start();
    expect(await ask(first.url, 'SELECT current_database() AS name, getdatabaseencoding() AS encoding')).toEqual([
      { name: 'truetag', encoding: 'UTF8' },
    ]);
    await expect(ask(first.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(statSync(join(made, 'postgres-password')).mode & 0o777).toBe(0o600);
    await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await start();
    expect({ port: second.port, adopted: second.adopted }).toEqual({ port: first.port, adopted: false });
    expect(await ask(second.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }]);
  });

  it('adopts a Postgres that a killed process left running, and stops it', async () => {
    const left = await start();
    const adopting = await start();
    expect(adopting).toMatchObject({ adopted: true, pid: left.pid, url: left.url });
    await adopting.stop();
    expect(isAlive(left.pid)).toBe(false);
  });

  it('comes back with all that was committed after Postgres itself was killed', async () => {
    const killed = await start();
    await ask(killed.url, 'CREATE TABLE committed AS SELECT 8 AS value');
    signal(killed.pid, 'SIGKILL');
    expect(await waitUntilGone(killed.pid, 5_000)).toBe(true);
    const next = await start();
    expect(next.adopted).toBe(false);
    expect(await ask(next.url, 'SELECT value FROM committed')).toEqual([{ value: 8 }]);
  });

  it('is not misled by a postmaster.pid whose number has gone to another process', async () => {
    const cluster = realpathSync(join(made, 'postgres'));
    writeFileSync(join(cluster, 'postmaster.pid'), `${process.pid}\n${cluster}\n0\n1\n\n127.0.0.1\n\nready\n`);
    expect((await start()).adopted).toBe(false);
  });

  it('begins again where the first start was killed in the middle', async () => {
    const dataDir = join(folder, 'half-made');
    mkdirSync(join(dataDir, '.initdb-killed/cluster/base'), { recursive: true });
    const postgres = await start(dataDir);
    expect(await ask(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('.initdb'))).toEqual([]);
  });

  it('works in a folder that nobody else can enter', async () => {
    mkdirSync(join(folder, 'private'), { mode: 0o700 });
    const dataDir = join(folder, 'private/data');
    const first = await start(dataDir);
    await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    const second = await start(dataDir);
    expect(await ask(second.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }]);
    await second.stop();
    const cluster = realpathSync(join(dataDir, 'postgres'));
    if (!cluster.startsWith(folder)) rmSync(dirname(cluster), { recursive: true });
  });

  it('says in one line what to do with a cluster of another version', async () => {
    const versionFile = join(made, 'postgres/PG_VERSION');
    writeFileSync(versionFile, '15\n');
    await expect(start()).rejects.toThrow(/^The database in .* was made by Postgres 15, this is 18: set DATA_DIR to begin anew/);
    writeFileSync(versionFile, '18\n');
  });

  it('takes over no folder that is not a cluster', async () => {
    const dataDir = join(folder, 'other');
    mkdirSync(join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres/notes.txt'), 'mine');
    await expect(start(dataDir)).rejects.toThrow(/holds no Postgres database: move it away, or set DATA_DIR/);
    expect(readFileSync(join(dataDir, 'postgres/notes.txt'), 'utf8')).toBe('mine');
  });

  it('ends with a parent that is killed, files included, when told to', async () => {
    const dataDir = join(folder, 'passing');
    const embedded = fileURLToPath(new URL('../../src/db/embedded.ts', import.meta.url));
    const code = `const { startEmbeddedPostgres } = await import(${JSON.stringify(embedded)});
      process.stdout.write(String((await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, dieWithParent: true })).pid) + '\\n');
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = Number(await new Promise<string>((resolve) => parent.stdout.once('data', (data: Buffer) => resolve(data.toString()))));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await waitUntilGone(pid, 10_000)).toBe(true);
    await expect.poll(() => existsSync(dataDir), { timeout: 10_000 }).toBe(false);
  });
});
