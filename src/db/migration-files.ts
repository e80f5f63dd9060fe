import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Migration {
  /** Name of its folder. */
  name: string;
  sql: string;
  /** SHA-256 of the file in lower-case hex, as Prisma keeps it. */
  checksum: string;
}

/**
 * Reads `<stamp>_<name>/migration.sql` of every folder, in the order of their names.
 * @throws Error with one line where the directory or a file is missing
 */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw new Error(`The migrations cannot be read from ${directory}`, { cause: error });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  // By code unit: the order must not depend on the machine's locale.
  names.sort((a, b) => (a < b ? -1 : 1));
  return Promise.all(names.map((name) => readMigration(directory, name)));
}

async function readMigration(directory: string, name: string): Promise<Migration> {
  const file = await readFile(join(directory, name, 'migration.sql')).catch((error: unknown) => {
    throw new Error(`Migration ${name} has no migration.sql in ${directory}: bring the file back, or remove the empty folder`, { cause: error });
  });
  return { name, sql: file.toString('utf8'), checksum: createHash('sha256').update(file).digest('hex') };
}
