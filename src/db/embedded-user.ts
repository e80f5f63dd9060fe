import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Whom a process of the embedded Postgres runs as. Undefined fields: as ourselves. */
export interface DatabaseUser {
  uid: number | undefined;
  gid: number | undefined;
  name: string;
}

/** Where root keeps what the database user must reach and cannot reach in the project's folder. */
export const sharedHome = '/var/lib/truetag';

/** What Postgres' programs get to see: no PGDATA, PGPORT or locale of ours, and no search for the machine's time zone. */
export const databaseEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', TZ: 'UTC' };

export const isRoot = () => process.getuid?.() === 0;

/**
 * Whom Postgres runs as: it refuses root, so root takes the owner of an existing cluster, else `postgres`, else `nobody`. No user is made.
 * @param owner uid and gid of the cluster's folder, where there is one
 * @throws Error with one line where root has nobody to run it as
 */
export function databaseUser(owner?: { uid: number; gid: number }): DatabaseUser {
  if (!isRoot()) return { uid: undefined, gid: undefined, name: 'the current user' };
  const users = readUsers();
  if (owner !== undefined && owner.uid !== 0) {
    return { ...owner, name: users.find((user) => user.uid === owner.uid)?.name ?? `uid ${owner.uid}` };
  }
  const user = users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody');
  if (user === undefined)
    throw new Error(
      'Postgres does not run as root, and there is no user postgres or nobody to run it as: start as another user, or set DATABASE_URL',
    );
  return user;
}

/** Runs a shell line as that user, with `args` as $1, $2 and so on. At most 20 s. */
export function runAs(user: DatabaseUser, line: string, ...args: string[]): { ok: boolean; stdout: string; stderr: string } {
  const run = spawnSync('/bin/sh', ['-c', line, 'sh', ...args], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    env: databaseEnvironment,
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (run.error !== undefined && user.uid !== undefined) {
    throw new Error(`Postgres does not run as root, and this process may not become ${user.name}: start as another user, or set DATABASE_URL`);
  }
  return { ok: run.status === 0, stdout: run.stdout ?? '', stderr: run.stderr ?? '' };
}

/** Whether that user can enter a folder, all its parents included. */
export function canEnter(user: DatabaseUser, folder: string): boolean {
  return user.uid === undefined || runAs(user, 'test -x "$1"', folder).ok;
}

/**
 * Makes a folder where it is missing; one that root makes can be entered by the database user, whatever the umask. Step by step, because Node's
 * own way of making parents goes round for ever where one that exists takes no folder and says that it is not there, as /proc does.
 */
export function makeFolder(folder: string): void {
  const path = resolve(folder);
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  if (isRoot()) chmodSync(path, 0o755);
}

function readUsers(): { uid: number; gid: number; name: string }[] {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.map((line) => line.split(':')).map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
