import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../src/db/embedded-binaries.js';
import { makeCluster, superuser } from '../../src/db/embedded-cluster.js';
import { launchPostgres } from '../../src/db/embedded-launch.js';
import { databaseUser } from '../../src/db/embedded-user.js';
import { keepSecret } from '../../src/db/kept-secret.js';
import { signal, waitUntilGone } from '../../src/db/process-life.js';
import { startWatchdog } from '../../src/db/watchdog.js';
import { withDatabase } from '../harness/template.js';

export interface TruthPostgres {
  /** Past every proxy. */
  url: string;
  port: number;
  /** Whether it is ours to restart. */
  canRestart: boolean;
  /** `crash`: as after kill -9 of all its processes, with recovery. `fast`: an orderly end. Down for `downMs` at least. */
  restart(how: 'crash' | 'fast', downMs: number): Promise<void>;
  /** Ends the backends that these client ports lead to; resolves to how many there were. */
  terminate(clientPorts: readonly number[]): Promise<number>;
  stop(): Promise<void>;
}

/** Nothing has to survive a power cut, only a crash of Postgres: what it has written stands in the memory of the machine. */
const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '200', log_min_messages: 'fatal' };
const database = 'truetag';

/**
 * A Postgres of the run's own, gone with this process; or, with TEST_DATABASE_URL, a database of its own on that server, which is then not
 * restarted.
 * @param folder the run's temporary folder
 */
export async function startTruthPostgres(folder: string): Promise<TruthPostgres> {
  const external = process.env.TEST_DATABASE_URL;
  return external ? useExternal(external) : startOwn(join(folder, 'postgres-data'));
}

async function startOwn(dataDir: string): Promise<TruthPostgres> {
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o711);
  const watchdog = startWatchdog();
  try {
    const user = databaseUser();
    const log = () => {};
    const binaries = findBinaries({ user, dataDir, log });
    const password = keepSecret(join(dataDir, 'postgres-password'));
    const cluster = await makeCluster({ link: join(dataDir, 'postgres'), dataDir, password, binaries, user, isTemporary: true, log });
    if (!cluster.startsWith(dataDir)) watchdog.removeAtEnd(join(cluster, '..'));
    const launch = { dataDir, cluster, command: join(binaries.folder, 'bin', 'postgres'), user, watchdog, settings };
    let { pid, port } = await launchPostgres(launch, undefined);
    const url = (name: string) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
    await command(url('postgres'), `CREATE DATABASE ${database}`);
    return {
      url: url(database),
      port,
      canRestart: true,
      async restart(how, downMs) {
        signal(pid, how === 'crash' ? 'SIGQUIT' : 'SIGINT');
        await waitUntilGone(pid, 10_000);
        await new Promise((resolve) => setTimeout(resolve, downMs));
        ({ pid, port } = await launchPostgres(launch, port));
      },
      terminate: (ports) => terminate(url(database), ports),
      stop: () => watchdog.end(),
    };
  } catch (error) {
    await watchdog.end();
    throw error;
  }
}

async function useExternal(server: string): Promise<TruthPostgres> {
  const { hostname, port } = new URL(server);
  if (!['127.0.0.1', 'localhost'].includes(hostname)) throw new Error('TEST_DATABASE_URL must lead to 127.0.0.1: faults stay on this machine');
  const name = `truetag_truth_${process.pid}_${Math.trunc(performance.timeOrigin)}`;
  await command(server, `CREATE DATABASE ${name}`);
  const url = withDatabase(server, name);
  return {
    url,
    port: Number(port || 5432),
    canRestart: false,
    restart: async () => {
      throw new Error('the Postgres of TEST_DATABASE_URL is not ours to restart');
    },
    terminate: (ports) => terminate(url, ports),
    stop: async () => {
      await command(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function terminate(url: string, ports: readonly number[]): Promise<number> {
  const rows = await command(url, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY ($1)', [[...ports]]);
  return rows.length;
}

async function command(url: string, text: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(values.length === 0 ? text : { text, values })).rows;
  } finally {
    await client.end();
  }
}
