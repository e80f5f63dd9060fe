import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from './embedded-binaries.js';
import { findCluster, makeCluster, superuser } from './embedded-cluster.js';
import { findPostmaster, stopPostmaster, waitUntilReady } from './embedded-postmaster.js';
import { canEnter, type DatabaseUser, databaseEnvironment, databaseUser, makeFolder } from './embedded-user.js';
import { freePort, isPortFree } from './free-port.js';
import { keepSecret, readSecret } from './kept-secret.js';
import { type ServerCommand, startWatchdog, type Watchdog } from './watchdog.js';

export interface EmbeddedPostgres {
  /** Superuser on the database `truetag`. */
  url: string;
  port: number;
  pid: number;
  /** Whether it ran already, left over by a process that was killed. */
  adopted: boolean;
  /** Ends it, adopted or not, and resolves when it is gone. Bounded; safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Holds the cluster, its password (mode 0600), its port and `postgres.log`. One process at a time: the caller sees to that. */
  dataDir: string;
  /** Unset: the one used last where it is free, else any. */
  port?: number;
  /** Server settings, `fsync: 'off'` for example. */
  settings?: Record<string, string>;
  /** For tests and measurements: the server ends with this process, however that ends, and `dataDir` is removed. */
  dieWithParent?: boolean;
  /** Takes the rare line worth telling: a copy of the programs, another place for the data. */
  log?: (line: string) => void;
}

const database = 'truetag';
const logLimitBytes = 5_000_000;

/**
 * Starts the Postgres that came with npm on a cluster of its own, made at the first start. It listens on 127.0.0.1 only, runs in a session
 * of its own (Ctrl-C reaches us, not it) and outlives a `kill -9` of this process, after which the next start adopts it.
 * @throws Error with one line that says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const watchdog = options.dieWithParent ? startWatchdog() : null;
  watchdog?.removeAtEnd(dataDir);
  try {
    makeFolder(dataDir);
    const { cluster, password, command, user } = await prepare(dataDir, watchdog, options.log ?? (() => {}));
    const leftover = findPostmaster(cluster);
    const adopted = leftover === null ? null : await waitUntilReady(leftover.pid, cluster);
    const launch = { dataDir, cluster, command, user, watchdog, settings: options.settings ?? {} };
    const { pid, port } = adopted ?? (await start(launch, options.port));
    const url = (name: string) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
    await makeDatabase(url);
    const stop = async () => (watchdog === null ? stopPostmaster(pid) : watchdog.end());
    return { url: url(database), port, pid, adopted: adopted !== null, stop };
  } catch (error) {
    await watchdog?.end();
    throw error;
  }
}

async function prepare(dataDir: string, watchdog: Watchdog | null, log: (line: string) => void) {
  const link = join(dataDir, 'postgres');
  const passwordFile = join(dataDir, 'postgres-password');
  const existing = findCluster(link);
  const user = databaseUser(existing ?? undefined);
  const binaries = findBinaries({ user, dataDir, log });
  const command = join(binaries.folder, 'bin', 'postgres');
  if (existing === null) {
    const password = keepSecret(passwordFile);
    const cluster = await makeCluster({ link, dataDir, password, binaries, user, isTemporary: watchdog !== null, log });
    if (!cluster.startsWith(dataDir)) watchdog?.removeAtEnd(join(cluster, '..'));
    return { cluster, password, command, user };
  }
  if (existing.major !== binaries.major) {
    throw new Error(`The database in ${link} was made by Postgres ${existing.major}, this is ${binaries.major}: set DATA_DIR to begin anew, or DATABASE_URL to a Postgres ${existing.major}`);
  }
  if (!canEnter(user, existing.path)) throw new Error(`${user.name} cannot enter ${existing.path}: open its parent folders (chmod o+x), or set DATA_DIR`);
  const password = readSecret(passwordFile);
  if (password === undefined) throw new Error(`${passwordFile} is gone: bring it back, or set DATA_DIR to begin anew`);
  return { cluster: existing.path, password, command, user };
}

interface Launch {
  dataDir: string;
  cluster: string;
  command: string;
  user: DatabaseUser;
  watchdog: Watchdog | null;
  settings: Record<string, string>;
}

/** A port found free may be taken a moment later, and backends of a killed postmaster need a moment to notice: both are tried again. */
async function start(launch: Launch, wantedPort: number | undefined): Promise<{ pid: number; port: number }> {
  const { dataDir, cluster } = launch;
  const portFile = join(dataDir, 'postgres-port');
  const logFile = join(dataDir, 'postgres.log');
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) truncateSync(logFile);
  // Whoever has the pid in it is no postmaster of this cluster; Postgres itself would only ask whether it lives.
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
  for (let attempt = 1; ; attempt++) {
    const port = wantedPort ?? (await choosePort(attempt === 1 ? Number(readSecret(portFile)) : 0));
    const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const pid = await spawnPostgres(launch, port, logFile);
    if ((await waitUntilReady(pid, cluster)) !== null) {
      writeFileSync(portFile, `${port}\n`);
      return { pid, port };
    }
    const said = readFileSync(logFile).subarray(logStart).toString('utf8');
    const isPassing = /Address already in use|still in use/.test(said);
    if (!isPassing || attempt === 5) throw new Error(`Postgres did not start (${/(?:FATAL|PANIC): +(.*)/.exec(said)?.[1] ?? 'no reason given'}): see ${logFile}`);
    await sleep(200 * attempt);
  }
}

async function choosePort(last: number): Promise<number> {
  return last > 0 && (await isPortFree(last)) ? last : freePort();
}

async function spawnPostgres({ cluster, command, user, watchdog, settings }: Launch, port: number, logFile: string): Promise<number> {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const args = ['-D', cluster, '-p', String(port), '-h', '127.0.0.1', '-k', '', ...flags];
  const server: ServerCommand = { command, args, env: databaseEnvironment, stopSignal: 'SIGINT' };
  if (user.uid !== undefined) server.uid = user.uid;
  if (user.gid !== undefined) server.gid = user.gid;
  if (watchdog !== null) return watchdog.spawn({ ...server, logFile });
  // A file, not a pipe: it must still be there when this process no longer is.
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, { uid: server.uid, gid: server.gid, env: server.env, cwd: '/', detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.unref();
  return new Promise((done, fail) => {
    child.once('spawn', () => done(child.pid ?? 0));
    child.once('error', fail);
  });
}

async function makeDatabase(url: (name: string) => string): Promise<void> {
  const client = new pg.Client({ connectionString: url('postgres'), connectionTimeoutMillis: 10_000, query_timeout: 30_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } finally {
    await client.end();
  }
}
