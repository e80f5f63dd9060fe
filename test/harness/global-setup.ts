import type { TestProject } from 'vitest/node';
import { generateClient } from '../../src/db/generate-client.js';
import { startTestPostgres } from './postgres.js';
import { startRedis } from './redis-server.js';
import { makeTemplate } from './template.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server, the database to copy and how the names of this run's databases begin. */
    database: { url: string; template: string; prefix: string };
    redisUrl: string;
  }
}

interface Server {
  url: string;
  stop(): Promise<void>;
}

/**
 * Once per run: a Postgres and a Redis on free ports, and a migrated template. TEST_USE_EXTERNAL=1 takes those of DATABASE_URL and REDIS_URL
 * instead, TEST_DATABASE_URL a Postgres alone; either needs the right to create databases.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isExternal = process.env.TEST_USE_EXTERNAL === '1';
  await generateClient();
  const postgres = external(isExternal ? 'DATABASE_URL' : 'TEST_DATABASE_URL', isExternal) ?? (await startTestPostgres());
  const redis = external('REDIS_URL', isExternal, isExternal) ?? (await startRedis());
  const { template, prefix, drop } = await makeTemplate(postgres.url);
  project.provide('database', { url: postgres.url, template, prefix });
  project.provide('redisUrl', redis.url);
  return async () => {
    await drop();
    await Promise.all([postgres.stop(), redis.stop()]);
  };
}

function external(name: string, isRequired: boolean, isAllowed = true): Server | null {
  const url = isAllowed ? process.env[name] : undefined;
  if (url) return { url, stop: async () => {} };
  if (isRequired) throw new Error(`TEST_USE_EXTERNAL=1 needs ${name}`);
  return null;
}
