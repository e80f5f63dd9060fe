import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { type App, createApp } from '../../src/app.js';
import { type Config, loadConfig } from '../../src/config.js';

export const adminKey = 'test-key-test-key-test-key-test-key';
export const asAdmin = { authorization: `Bearer ${adminKey}` };

export interface Service extends App {
  url: string;
  /** Requests against it, as supertest knows them. */
  http: ReturnType<typeof supertest>;
  close(): Promise<void>;
}

/** One instance of the whole service in this process, listening on a free port. Several over one database are several instances: they share no memory. */
export async function startService(databaseUrl: string, overrides: Partial<Config> = {}): Promise<Service> {
  const config = loadConfig({
    LOG_LEVEL: 'silent',
    PORT: '0',
    MIGRATE: 'false',
    MEMORY_CACHE_MB: '32',
    ADMIN_API_KEY: adminKey,
    RATE_LIMIT_ADMIN: '0',
  });
  const app = await createApp({ ...config, ...overrides, databaseUrl });
  const url = await app.fastify.listen({ host: '127.0.0.1', port: 0 });
  // On a machine that is busy with other tests the first renewal takes longer than a start waits for it.
  for (const deadline = performance.now() + 10_000; app.cache.report().lease.state === 'lost' && performance.now() < deadline; ) await sleep(10);
  const close = async () => {
    await app.fastify.close();
    await app.sight.close();
  };
  return { ...app, url, http: supertest(url), close };
}
