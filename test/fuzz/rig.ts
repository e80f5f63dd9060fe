import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateClient } from '../../src/db/generate-client.js';
import { migrate } from '../../src/db/migrator.js';
import { seedInto } from '../harness/demo.js';
import { freePort } from '../harness/free-port.js';
import { startTestPostgres } from '../harness/postgres.js';
import { startRedis } from '../harness/redis-server.js';
import { bundle } from '../sabotage/bundle.js';
import { startServerProcess } from '../truth/server-process.js';
import { type Callers, makeCallers } from './callers.js';

export interface Rig {
  port: number;
  /** Of the instance that counts. */
  countingPort: number;
  adminKey: string;
  callers: Callers;
  isRunning(): boolean;
  /** What the server has said that it should not have to: lines of its log at error or worse, its end. */
  complaints(): string[];
  close(): Promise<void>;
}

const pinoError = 50;
/** What is sent is to be looked at, however much of it there is. */
const unlimited = { WRONG_KEYS_PER_MINUTE: '10000', RATE_LIMIT_ADMIN: '0', MAX_UNDER_WAY_PER_KEY: '0', SHED_DELAY_MS: '0' };
/** Where there are two instances, acks stand in line behind renewals inside of pg, which says once that it will not do that for ever. */
const quietPg = { NODE_OPTIONS: '--no-deprecation' };
/** So little that a short run comes up against it. */
const counting = { WRONG_KEYS_PER_MINUTE: '1', RATE_LIMIT_ADMIN: '30', RATE_LIMIT_STOREFRONT: '20', MAX_UNDER_WAY_PER_KEY: '1', SHED_DELAY_MS: '0' };

/** Two server processes over a Postgres and a Redis of the run's own, with the demo catalog: one without limits, and one with little but limits. */
export async function openRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-fuzz-'));
  const adminKey = 'fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz';
  await generateClient();
  const script = await bundle({ entry: 'test/fuzz/instance.ts', edits: [] });
  const [postgres, redis] = await Promise.all([startTestPostgres(), startRedis()]);
  const stop = async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await migrate({ url: postgres.url });
    await seedInto(postgres.url);
    const callers = await makeCallers(postgres.url);
    const ports = [await freePort(), await freePort()] as const;
    const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ADMIN_API_KEY: adminKey, LOG_LEVEL: 'warn', TMPDIR: folder, ...quietPg };
    const start = (port: number, limits: object) =>
      startServerProcess({ script, env: { ...env, PORT: String(port), ...limits }, logFile: join(folder, `${port}.log`), onHit: () => {} });
    const servers = await Promise.all([start(ports[0], unlimited), start(ports[1], counting)]);
    return {
      ...{ port: ports[0], countingPort: ports[1], adminKey, callers },
      isRunning: () => servers.every((server) => server.isRunning()),
      complaints: () =>
        ports
          .flatMap((port) => readFileSync(join(folder, `${port}.log`), 'utf8').split('\n'))
          .filter((line) => line !== '' && (levelOf(line) ?? pinoError) >= pinoError)
          .map((line) => line.slice(0, 600)),
      async close() {
        for (const server of servers) server.terminate();
        await Promise.all(servers.map((server) => server.ended));
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of a line of the log; undefined where it is no line of pino's. */
function levelOf(line: string): number | undefined {
  try {
    return (JSON.parse(line) as { level?: number }).level;
  } catch {
    return undefined;
  }
}
