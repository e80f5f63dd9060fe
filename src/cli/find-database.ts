import type { Config } from '../config.js';
import { findRunning } from './running.js';

/**
 * The database that a command works on: the configured one, else that of the `npm start` running on the same data folder.
 * @throws Error with one line that says what to do where there is neither
 */
export async function findDatabaseUrl(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<string> {
  const url = config.databaseUrl ?? (await findRunning(config.dataDir))?.databaseUrl;
  if (url === undefined)
    throw new Error(`There is no DATABASE_URL and no npm start running on ${config.dataDir}: set DATABASE_URL, or run npm start in another terminal`);
  return url;
}
