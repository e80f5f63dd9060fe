import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';
import { slugOf, writeCatalog } from './catalog.mjs';
import { cores, onCore } from './cores.mjs';

// The embedded database and the test harness are TypeScript and not part of the build.
register();
const { startEmbeddedPostgres } = await import('../src/db/embedded.ts');
const { freePort } = await import('../src/db/free-port.ts');
const { isAlive, signal } = await import('../src/db/process-life.ts');
const { startWatchdog } = await import('../src/db/watchdog.ts');
const { startRedis } = await import('../test/harness/redis-server.ts');

export const root = fileURLToPath(new URL('..', import.meta.url));
const demoFile = join(root, 'prisma/demo/catalog.csv');
const readyWithinMs = 60_000;
const probeWithinMs = 5_000;
const attempts = 3;
const importWithinMs = 300_000;

const postgresSettings = { max_connections: '200' };
// Where nothing has to survive a power cut.
const hastySettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * What the measurements run on: a Postgres and a Redis of their own on free ports, and servers beside them. All of it hangs on a watchdog and
 * ends with this process, Ctrl-C and `kill -9` included.
 *
 * @param isDurable whether a commit of Postgres waits for the disk, for measurements of writes
 */
export async function openRig({ isDurable = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-bench-'));
  chmodSync(folder, 0o711);
  const watchdog = startWatchdog();
  watchdog.removeAtEnd(folder);
  const closing = [() => watchdog.end()];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const settings = isDurable ? postgresSettings : { ...postgresSettings, ...hastySettings };
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), dieWithParent: true, settings });
    closing.push(() => postgres.stop());
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const environment = { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: postgres.url, REDIS_URL: redis.url };
    return {
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      folder,
      close,

      /** Migrates, then imports `count` generated products and, as the newest, the demo catalog. */
      async fillCatalog(count) {
        if (count > 0) {
          const file = join(folder, 'catalog.ndjson');
          await writeCatalog(file, count);
          importFile(environment, file, 'ndjson');
        }
        importFile(environment, demoFile, 'shopify');
        return { slugs: Array.from({ length: count }, (_, place) => slugOf(place)) };
      },

      /**
       * Starts a server process of this repository and waits until it answers on `path`. `stop` asks it to end; `close` waits until it has.
       * `core`: where it runs, null wherever the system puts it. Between asking for a free port and using it somebody else may take it: then it is tried again.
       */
      async serve(script, path, extra = {}, { core = cores?.server } = {}) {
        for (let attempt = 1; ; attempt += 1) {
          const port = await freePort();
          const logFile = join(folder, `${port}.log`);
          const env = { ...environment, ...extra, PORT: String(port) };
          const [command, args] = onCore(core, process.execPath, [join(root, script)]);
          const pid = await watchdog.spawn({ command, args, env, logFile, stopSignal: 'SIGTERM' });
          const url = `http://127.0.0.1:${port}`;
          if (await isReady(`${url}${path}`, pid)) return { port, pid, url, stop: () => signal(pid, 'SIGTERM') };
          const said = readFileSync(logFile, 'utf8').trim();
          const isTaken = !isAlive(pid) && /EADDRINUSE|is taken/.test(said);
          if (!isTaken || attempt === attempts) throw new Error(`${script} did not come up: ${reasonIn(said, pid)}`);
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function importFile(environment, file, format) {
  const args = ['--import', 'tsx', 'src/cli/import.ts', file, '--format', format, '--currency', 'USD', '--json'];
  // Without Redis: the servers start after the import and have nothing to drop.
  const env = { ...environment, REDIS_URL: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8', timeout: importWithinMs });
  if (status !== 0) throw new Error(`The import of ${file} failed: ${stderr || stdout}`);
}

/** The line that names the error, or the first one. */
function reasonIn(said, pid) {
  const lines = said.split('\n');
  return (
    lines.find((line) => /error/i.test(line)) || lines[0] || (isAlive(pid) ? `no answer within ${readyWithinMs / 1000} s` : 'it ended without a word')
  );
}

/** Whether it answers before the time is over; false at once where the process has ended. */
async function isReady(url, pid) {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline && isAlive(pid); await sleep(25)) {
    if ((await probe(url).catch(() => false)) && isAlive(pid)) return true;
  }
  return false;
}

async function probe(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(probeWithinMs) });
  await response.arrayBuffer();
  return response.ok;
}
