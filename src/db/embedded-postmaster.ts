import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, signal, waitUntilGone } from './process-life.js';

/** What a postmaster says of itself in the `postmaster.pid` of its cluster. */
export interface Postmaster {
  pid: number;
  port: number;
  status: string;
}

const settleWithinMs = 60_000;
const fastStopMs = 8_000;
const crashStopMs = 3_000;

/** The postmaster that serves a cluster at this moment, started by whomever; null where there is none. */
export function findPostmaster(cluster: string): Postmaster | null {
  const postmaster = readPostmaster(cluster);
  return postmaster !== null && isAlive(postmaster.pid) && serves(postmaster.pid, cluster) ? postmaster : null;
}

/**
 * Waits for a postmaster to take connections, recovery after a crash included, at most a minute.
 * @returns null where it ended instead
 * @throws Error with one line where it neither comes up nor ends
 */
export async function waitUntilReady(pid: number, cluster: string): Promise<Postmaster | null> {
  for (const deadline = Date.now() + settleWithinMs; Date.now() < deadline; await sleep(10)) {
    const postmaster = readPostmaster(cluster);
    if (postmaster?.pid === pid && postmaster.status === 'ready') return postmaster;
    if (!isAlive(pid)) return null;
  }
  throw new Error(`The Postgres of ${cluster} (pid ${pid}) neither comes up nor ends: kill -INT ${pid}, then start again`);
}

/** Ends a postmaster: a fast shutdown (clients are cut off, all is written), and the crash way where that takes too long. */
export async function stopPostmaster(pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  if (await waitUntilGone(pid, fastStopMs)) return;
  signal(pid, 'SIGQUIT');
  await waitUntilGone(pid, crashStopMs);
}

function readPostmaster(cluster: string): Postmaster | null {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines[3]), status: (lines[7] ?? '').trim() } : null;
  } catch {
    return null;
  }
}

/**
 * A pid alone proves nothing: after a crash of the machine somebody else may have it. A postmaster works in its cluster's folder; root in a
 * container may not look there and goes by the command line, which anybody may read.
 */
function serves(pid: number, cluster: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === cluster;
  } catch {
    return commandLine(pid).includes(cluster);
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return listCommand(pid);
  }
}

function listCommand(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 });
  } catch {
    return '';
  }
}
