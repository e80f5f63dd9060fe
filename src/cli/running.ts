import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDataDirLocked } from './data-dir-lock.js';

/** What a running `npm start` tells the other commands of the same data folder. */
export interface Running {
  pid: number;
  url: string;
  databaseUrl: string;
}

/** Leaves `running.json` (mode 0600: the database URL holds a password). */
export function writeRunning(dataDir: string, running: Running): void {
  const passing = `${fileOf(dataDir)}.${process.pid}`;
  writeFileSync(passing, `${JSON.stringify(running)}\n`, { mode: 0o600 });
  renameSync(passing, fileOf(dataDir));
}

export function removeRunning(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

/** The `npm start` that runs on this data folder and is up; null where there is none, whatever a killed one has left behind. */
export async function findRunning(dataDir: string): Promise<Running | null> {
  if (!existsSync(dataDir) || !(await isDataDirLocked(dataDir))) return null;
  try {
    return JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as Running;
  } catch {
    return null;
  }
}

const fileOf = (dataDir: string) => join(dataDir, 'running.json');
