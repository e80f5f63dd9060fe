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

export interface Rig {
  port: number;
  adminKey: string;
  isRunning(): boolean;
  /** What the server has said that it should not have to: lines of its log at error or worse, its end. */
  complaints(): string[];
  close(): Promise<void>;
}

const pinoError = 50;
/** What is sent is to be looked at, however much of it there is. */
const unlimited = { WRONG_KEYS_PER_MINUTE: '10000', RATE_LIMIT_ADMIN: '0', SHED_DELAY_MS: '0' };

/** A server process over a Postgres and a Redis of the run's own, with the demo catalog. */
export async function openRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-fuzz-'));
  const logFile = join(folder, 'server.log');
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
    const port = await freePort();
    const env = {
      PORT: String(port),
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      ADMIN_API_KEY: adminKey,
      LOG_LEVEL: 'warn',
      TMPDIR: folder,
      ...unlimited,
    };
    const server = await startServerProcess({ script, env, logFile, onHit: () => {} });
    return {
      port,
      adminKey,
      isRunning: server.isRunning,
      complaints: () =>
        readFileSync(logFile, 'utf8')
          .split('\n')
          .filter((line) => line !== '' && (levelOf(line) ?? pinoError) >= pinoError)
          .map((line) => line.slice(0, 600)),
      async close() {
        server.terminate();
        await server.ended;
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
