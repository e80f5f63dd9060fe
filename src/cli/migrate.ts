import { loadConfig } from '../config.js';
import { migrate } from '../db/migrator.js';
import { findDatabaseUrl } from './find-database.js';

/** `npm run migrate`: applies what is pending, one line each, and ends. */
try {
  const config = loadConfig();
  const url = config.databaseDirectUrl ?? (await findDatabaseUrl(config));
  const { applied } = await migrate({ url, log: (line) => process.stdout.write(`${line}\n`) });
  if (applied.length === 0) process.stdout.write('nothing to apply\n');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
