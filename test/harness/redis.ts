import { inject } from 'vitest';

export { type RedisServer, startRedis } from './redis-server.js';

/** The run's shared Redis. Each vitest worker has a logical database of its own; a file that needs it empty flushes it (FLUSHDB). */
export function redisUrl(database = Number(process.env.VITEST_POOL_ID ?? 1) % 16): string {
  const url = new URL(inject('redisUrl'));
  url.pathname = `/${database}`;
  return url.href;
}
