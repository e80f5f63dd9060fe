import { appendFileSync, chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBinaries, locatePackage } from '../../src/db/embedded-binaries.js';
import { databaseUser, runAs } from '../../src/db/embedded-user.js';

let folder: string;
const user = databaseUser();

/** The npm package as an install without scripts leaves it: no library links, no mode bits. */
function unpack(): string {
  const packageFolder = join(folder, 'package');
  cpSync(locatePackage(), packageFolder, { recursive: true, filter: (source) => !isLink(source) });
  for (const name of readdirSync(join(packageFolder, 'native/bin'))) chmodSync(join(packageFolder, 'native/bin', name), 0o644);
  return packageFolder;
}

const isLink = (path: string) => /lib(ecpg|ecpg_compat|icudata|icui18n|icuuc|pgtypes|pq)\.so(\.\d+)?$/.test(path);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'truetag-binaries-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('findBinaries', () => {
  it('makes a package runnable that npm unpacked without running its scripts', () => {
    const packageFolder = unpack();
    expect(existsSync(join(packageFolder, 'native/lib/libpq.so.5'))).toBe(false);
    const found = findBinaries({ user, dataDir: folder, packageFolder, log: () => {} });
    expect(found).toEqual({ folder: join(packageFolder, 'native'), major: 18 });
    expect(runAs(user, '"$1/bin/initdb" --version', found.folder).stdout).toContain('PostgreSQL');
  });

  it('finds a place that the database user can read', () => {
    const packageFolder = unpack();
    // Its copy is to be this test's own.
    appendFileSync(join(packageFolder, 'package.json'), ' ');
    chmodSync(folder, 0o700);
    const lines: string[] = [];
    const found = findBinaries({ user, dataDir: folder, packageFolder, log: (line) => lines.push(line) });
    expect(runAs(user, '"$1/bin/postgres" --version', found.folder).stdout).toContain('PostgreSQL');
    if (found.folder.startsWith(packageFolder)) return;
    expect(findBinaries({ user, dataDir: folder, packageFolder, log: (line) => lines.push(line) })).toEqual(found);
    expect(lines).toHaveLength(1);
    rmSync(dirname(found.folder), { recursive: true });
  });

  it('says in one line what to do where the programs are broken', () => {
    const packageFolder = join(folder, 'package');
    cpSync(locatePackage(), packageFolder, { recursive: true, filter: (source) => !source.includes('libicu') });
    appendFileSync(join(packageFolder, 'package.json'), '\n');
    let copy = '';
    const find = () => findBinaries({ user, dataDir: folder, packageFolder, log: (line) => (copy = line.split(' ').at(-1) ?? '') });
    expect(find).toThrow(/^The Postgres that came with npm does not run here \(.*\): set DATABASE_URL/);
    expect(existsSync(copy)).toBe(false);
  });
});
