import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config.js';
import { startEmbeddedPostgres } from '../db/embedded.js';
import { makeFolder } from '../db/embedded-user.js';
import { generateClient } from '../db/generate-client.js';
import { keepSecret } from '../db/kept-secret.js';
import { migrate } from '../db/migrator.js';
import { signal } from '../db/process-life.js';
import { checkPort, explainListenFault } from './check-port.js';
import { lockDataDir } from './data-dir-lock.js';
import { findSample } from './find-sample.js';
import { findRunning, removeRunning, writeRunning } from './running.js';
import { createShutdown, type Shutdown } from './shutdown.js';
import { startBanner } from './start-banner.js';

/** `npm start`: brings what is missing (client, database, tables, key, demo catalog), serves, and takes it all down again in reverse. */
const shutdown = createShutdown();
try {
  await start(shutdown);
  shutdown.arm();
} catch (error) {
  await shutdown.run();
  if (shutdown.isAsked()) process.exit(0);
  note(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

async function start(shutdown: Shutdown): Promise<void> {
  const config = loadConfig();
  await takeDataDir(config.dataDir, shutdown);
  await checkPort(config.host, config.port);
  await generateClient();
  endWhereAsked(shutdown);

  const databaseUrl = config.databaseUrl ?? (await bringDatabase(config.dataDir, shutdown));
  endWhereAsked(shutdown);
  if (config.migrate) await migrate({ url: (config.databaseUrl && config.databaseDirectUrl) ?? databaseUrl, log: note });
  const kept = config.adminApiKey === undefined ? keepSecret(join(config.dataDir, 'admin-key'), 'tt_') : null;
  // A person reads this terminal: warnings, unless more (or less) was asked for.
  const logLevel = config.logLevel === 'info' ? 'warn' : config.logLevel;
  const complete = { ...config, databaseUrl, logLevel, migrate: false, adminApiKey: config.adminApiKey ?? kept ?? undefined };
  endWhereAsked(shutdown);

  // Only now: these modules need the generated client.
  const [{ seedDemo }, { serve }] = await Promise.all([import('./seed-demo.js'), import('../server.js')]);
  if (config.seedDemo ?? config.databaseUrl === undefined) await seedDemo(complete);
  const sample = await findSample(databaseUrl, config.defaultCurrency);
  endWhereAsked(shutdown);

  const server = await serve(complete).catch((error: unknown) => {
    throw explainListenFault(error, config.host, config.port) ?? error;
  });
  shutdown.add(() => server.close());
  writeRunning(config.dataDir, { pid: process.pid, url: server.url, databaseUrl });
  process.stdout.write(startBanner({ url: server.url, dataDir: config.dataDir, adminKey: kept, sample }));
}

async function takeDataDir(dataDir: string, shutdown: Shutdown): Promise<void> {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`The data folder ${dataDir} cannot be written (${error instanceof Error ? error.message : error}): set DATA_DIR to one that can`);
  }
  const lock = await lockDataDir(dataDir);
  if (lock === null) {
    const other = await findRunning(dataDir);
    const who = other === null ? 'Another npm start is coming up' : `npm start is already running at ${other.url} (pid ${other.pid})`;
    throw new Error(`${who} on ${dataDir}: stop it, or set DATA_DIR to start a second one beside it`);
  }
  // Before anybody can take what a killed process left behind for ours.
  removeRunning(dataDir);
  shutdown.add(
    async () => {
      removeRunning(dataDir);
      await lock.release();
    },
    () => removeRunning(dataDir),
  );
}

async function bringDatabase(dataDir: string, shutdown: Shutdown): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: note });
  shutdown.add(
    () => postgres.stop(),
    () => signal(postgres.pid, 'SIGINT'),
  );
  return postgres.url;
}

/** A signal during the start takes effect between two steps, when all that was started is known. */
function endWhereAsked(shutdown: Shutdown): void {
  if (shutdown.isAsked()) throw new Error('Ended while starting');
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
