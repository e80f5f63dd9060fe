import { join, resolve } from 'node:path';
import pg from 'pg';
import { findBinaries } from './embedded-binaries.js';
import { findCluster, makeCluster, superuser } from './embedded-cluster.js';
import { launchPostgres } from './embedded-launch.js';
import { findPostmaster, stopPostmaster, waitUntilReady } from './embedded-postmaster.js';
import { canEnter, databaseUser, makeFolder } from './embedded-user.js';
import { keepSecret, readSecret } from './kept-secret.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

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
    const { pid, port } = adopted ?? (await launchPostgres(launch, options.port));
    const url = (name: string) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
    const stop = async () => (watchdog === null ? stopPostmaster(pid) : watchdog.end());
    await makeDatabase(url).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
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
    throw new Error(
      `The database in ${link} was made by Postgres ${existing.major}, this is ${binaries.major}: set DATA_DIR to begin anew, or DATABASE_URL to a Postgres ${existing.major}`,
    );
  }
  if (!canEnter(user, existing.path))
    throw new Error(`${user.name} cannot enter ${existing.path}: open its parent folders (chmod o+x), or set DATA_DIR`);
  const password = readSecret(passwordFile);
  if (password === undefined) throw new Error(`${passwordFile} is gone: bring it back, or set DATA_DIR to begin anew`);
  return { cluster: existing.path, password, command, user };
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
