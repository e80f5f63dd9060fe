import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { basename, join } from 'node:path';
import type { PostgresBinaries } from './embedded-binaries.js';
import { canEnter, type DatabaseUser, databaseEnvironment, makeFolder, sharedHome } from './embedded-user.js';

export const superuser = 'truetag';

const initWithinMs = 60_000;

/** The folder of a cluster and whose it is; null where there is none yet. `link` is `<dataDir>/postgres`, which may point elsewhere. */
export function findCluster(link: string): { path: string; uid: number; gid: number; major: number } | null {
  const entry = lstatSync(link, { throwIfNoEntry: false });
  if (entry === undefined) return null;
  if (entry.isSymbolicLink() && !existsSync(link))
    throw new Error(`${link} points to a database that is gone: bring it back, or remove the link to begin with an empty one`);
  const { uid, gid } = lstatSync(realpathSync(link));
  if (process.getuid?.() !== 0 && uid !== process.getuid?.())
    throw new Error(`The database in ${link} belongs to another user (uid ${uid}): start as that user or as root, or set DATA_DIR`);
  const files = readdirSync(link);
  if (files.length === 0 && entry.isDirectory()) {
    rmdirSync(link);
    return null;
  }
  if (!files.includes('PG_VERSION')) throw new Error(`${link} holds no Postgres database: move it away, or set DATA_DIR`);
  return { path: realpathSync(link), uid, gid, major: Number(readFileSync(join(link, 'PG_VERSION'), 'utf8')) };
}

/**
 * Makes a new cluster, at `link` or, where the database user cannot enter that folder, in /var/lib/truetag with a link to it. It appears under
 * its name only when it is whole: what a start killed in the middle leaves behind has another name and is cleared away by the next.
 * @returns its folder
 * @throws Error with one line
 */
export async function makeCluster(options: {
  link: string;
  dataDir: string;
  password: string;
  binaries: PostgresBinaries;
  user: DatabaseUser;
  /** Skips the flush to disk: for clusters that are thrown away. */
  isTemporary: boolean;
  log: (line: string) => void;
}): Promise<string> {
  const { link, dataDir, user, log } = options;
  await clearAway(
    readdirSync(dataDir)
      .filter((name) => name.startsWith(stagingPrefix))
      .map((name) => join(dataDir, name)),
  );
  const home = canEnter(user, dataDir) ? dataDir : await makeSharedHome(dataDir);
  const staging = mkdtempSync(join(home, stagingPrefix));
  try {
    const passwordFile = join(staging, 'password');
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
    for (const path of [staging, passwordFile]) if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid);
    await runInitdb(options, join(staging, 'cluster'), passwordFile);
    renameSync(join(staging, 'cluster'), join(home, 'postgres'));
  } finally {
    await clearAway([staging]);
  }
  if (home !== dataDir) {
    symlinkSync(join(home, 'postgres'), link);
    log(`${user.name} cannot enter ${dataDir}: the database is kept in ${home}`);
  }
  return realpathSync(link);
}

const stagingPrefix = '.initdb-';

/** A new folder for each new cluster: an older one of the same name may belong to a data folder that was moved and still links to it. */
async function makeSharedHome(dataDir: string): Promise<string> {
  const prefix = `${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}-`;
  makeFolder(sharedHome);
  const halfMade = readdirSync(sharedHome).filter((name) => name.startsWith(prefix) && !existsSync(join(sharedHome, name, 'postgres')));
  await clearAway(halfMade.map((name) => join(sharedHome, name)));
  const home = mkdtempSync(join(sharedHome, prefix));
  chmodSync(home, 0o711);
  writeFileSync(join(home, 'belongs-to'), `${dataDir}\n`);
  return home;
}

/** An initdb whose parent was killed may still be writing there; it gives up once its files vanish. What resists is left to the next start. */
async function clearAway(folders: string[]): Promise<void> {
  await Promise.allSettled(folders.map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })));
}

async function runInitdb(
  options: { binaries: PostgresBinaries; user: DatabaseUser; isTemporary: boolean },
  cluster: string,
  passwordFile: string,
): Promise<void> {
  const locale = platform() === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8';
  const args = [
    `--pgdata=${cluster}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    `--locale=${locale}`,
  ];
  if (options.isTemporary) args.push('--no-sync');
  const command = join(options.binaries.folder, 'bin', 'initdb');
  const { uid, gid } = options.user;
  const child = spawn(command, args, { uid, gid, cwd: '/', env: databaseEnvironment, stdio: ['ignore', 'ignore', 'pipe'], timeout: initWithinMs });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const fault = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(
        code === 0
          ? null
          : (output
              .trim()
              .split('\n')
              .find((line) => /error|fatal|could not/i.test(line)) ?? `it ended with ${signal ?? `code ${code}`}`),
      ),
    );
  });
  if (fault !== null)
    throw new Error(`${basename(command)} could not make the database (${fault}): set DATA_DIR to a folder on a disk with room, or set DATABASE_URL`);
}
