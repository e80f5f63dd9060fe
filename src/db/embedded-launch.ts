import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntilReady } from './embedded-postmaster.js';
import { type DatabaseUser, databaseEnvironment } from './embedded-user.js';
import { freePort, isPortFree } from './free-port.js';
import type { ServerCommand, Watchdog } from './watchdog.js';

export interface Launch {
  dataDir: string;
  cluster: string;
  /** The program `postgres`. */
  command: string;
  user: DatabaseUser;
  watchdog: Watchdog | null;
  settings: Record<string, string>;
}

const logLimitBytes = 5_000_000;
const attempts = 5;

/**
 * Starts a postmaster on a cluster that has none, and waits until it takes connections. A port found free may be taken a moment later, and
 * backends of a killed postmaster need a moment to notice: both are tried again.
 * @param wantedPort unset: the one used last where it is free, else any
 * @throws Error with one line that names the log
 */
export async function launchPostgres(launch: Launch, wantedPort: number | undefined): Promise<{ pid: number; port: number }> {
  const { dataDir, cluster } = launch;
  const portFile = join(dataDir, 'postgres-port');
  const logFile = join(dataDir, 'postgres.log');
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) truncateSync(logFile);
  // Whoever has the pid in it is no postmaster of this cluster; Postgres itself would only ask whether it lives.
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
  for (let attempt = 1; ; attempt++) {
    const port = wantedPort ?? (await choosePort(attempt === 1 ? lastPort(portFile) : 0));
    const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const pid = await spawnPostgres(launch, port, logFile);
    if ((await waitUntilReady(pid, cluster)) !== null) {
      writeFileSync(portFile, `${port}\n`);
      return { pid, port };
    }
    const said = readFileSync(logFile).subarray(logStart).toString('utf8');
    const isPassing = /Address already in use|still in use/.test(said);
    if (!isPassing || attempt === attempts)
      throw new Error(`Postgres did not start (${/(?:FATAL|PANIC): +(.*)/.exec(said)?.[1] ?? 'no reason given'}): see ${logFile}`);
    await sleep(200 * attempt);
  }
}

function lastPort(portFile: string): number {
  return existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0;
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
  const child = spawn(command, args, {
    uid: server.uid,
    gid: server.gid,
    env: server.env,
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  return new Promise((done, fail) => {
    child.once('spawn', () => done(child.pid ?? 0));
    child.once('error', fail);
  });
}
