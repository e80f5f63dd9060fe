import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../harness/redis-server.js';

export interface TruthRedis {
  port: number;
  /** The port of a second one, which stands for a replica that was promoted: a copy as old as the last `copyToReplica`. */
  replicaPort: number;
  flush(): Promise<void>;
  /** Restarts it with what `save` last wrote, or with nothing. */
  restart(how: 'empty' | 'older', downMs: number): Promise<void>;
  /** Writes the copy that an `older` restart brings back. False where it could not. */
  save(): Promise<boolean>;
  pause(): void;
  resume(): void;
  /** Keeps up to `count` product documents as they are now; the result puts them back whatever stands there then, and says how many. */
  keepDocuments(count: number): Promise<() => Promise<number>>;
  copyToReplica(): Promise<void>;
  stop(): Promise<void>;
}

const command = { maxRetriesPerRequest: 1, commandTimeout: 5_000, connectTimeout: 2_000 };

/** Two Redis servers of the run's own, gone with this process. */
export async function startTruthRedis(folder: string): Promise<TruthRedis> {
  const dir = join(folder, 'redis');
  mkdirSync(dir);
  const dump = join(dir, 'dump.rdb');
  const older = join(dir, 'older.rdb');
  const main = await startRedis('--dir', dir, '--dbfilename', 'dump.rdb');
  const replica = await startRedis('--dir', dir, '--dbfilename', 'replica.rdb').catch(async (error: unknown) => {
    await main.stop();
    throw error;
  });
  const ask = <T>(server: RedisServer, work: (client: Redis) => Promise<T>) => withClient(server.port, work);

  return {
    port: main.port,
    replicaPort: replica.port,
    flush: () => ask(main, async (client) => void (await client.flushall())),
    async restart(how, downMs) {
      await main.kill();
      rmSync(dump, { force: true });
      if (how === 'older' && existsSync(older)) copyFileSync(older, dump);
      await new Promise((resolve) => setTimeout(resolve, downMs));
      await main.start();
      rmSync(dump, { force: true });
    },
    save: () =>
      ask(main, async (client) => {
        await client.save();
        copyFileSync(dump, older);
        rmSync(dump, { force: true });
        return true;
      }).catch(() => false),
    pause: () => main.pause(),
    resume: () => main.resume(),
    keepDocuments: (count) =>
      ask(main, async (client) => {
        const keys = (await client.keys('*product*')).filter((key) => !key.includes(':list')).slice(0, count);
        const dumps = await Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as const));
        return () =>
          ask(main, async (later) => {
            const kept = dumps.flatMap(([key, bytes]) => (bytes === null ? [] : [{ key, bytes }]));
            for (const { key, bytes } of kept) await later.restore(key, 60_000, bytes, 'REPLACE');
            return kept.length;
          });
      }),
    copyToReplica: () =>
      ask(replica, async (client) => {
        await client.replicaof('127.0.0.1', main.port);
        try {
          for (const deadline = performance.now() + 3_000; performance.now() < deadline; await new Promise((r) => setTimeout(r, 20))) {
            if (/master_link_status:up/.test(await client.info('replication'))) return;
          }
        } finally {
          await client.replicaof('NO', 'ONE');
        }
      }),
    stop: async () => {
      await Promise.all([main.stop(), replica.stop()]);
    },
  };
}

async function withClient<T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1', { ...command, lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}
