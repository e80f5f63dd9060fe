import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { addressOf } from './address-of.js';

/** How many requests one caller has left in this minute. */
export interface Count {
  max: number;
  remaining: number;
  /** Until the minute is over. */
  resetS: number;
  isExceeded: boolean;
}

/** Where counts are shared between instances, and what keeps requests from it while it does not answer. */
export interface SharedCounts {
  client: Redis;
  prefix: string;
  breaker: { isOpen(): boolean; trip(): void };
}

export interface CounterOptions {
  name: string;
  perMinute: number;
  /** Who is counted; left out: the address, of IPv6 the /64. */
  keyOf?: (request: FastifyRequest) => string;
  shared: SharedCounts | null;
}

export const windowS = 60;
/** As long as a request waits for Redis to count it. */
const redisWaitMs = 100;
/** Callers that memory counts at once; the one that has been quiet longest makes room. */
const maxCallers = 10_000;

/**
 * Counts requests by @fastify/rate-limit: in Redis, for all instances together, and in the memory of this process where there is none or it does
 * not answer. The first request that waits in vain opens the breaker, and from then on nobody waits; nothing fails for want of a count.
 */
export async function createRequestCounter(
  app: FastifyInstance,
  { name, perMinute, keyOf, shared }: CounterOptions,
): Promise<(request: FastifyRequest) => Promise<Count>> {
  const common = { max: perMinute, keyGenerator: keyOf ?? addressOf };
  const inMemory = await limiter(app, { ...common, cache: maxCallers });
  if (shared === null) return inMemory;
  const inRedis = await limiter(app, { ...common, redis: shared.client, nameSpace: `${shared.prefix}:${name}:` });
  return async (request) => {
    if (shared.breaker.isOpen()) return inMemory(request);
    try {
      return await within(redisWaitMs, inRedis(request));
    } catch {
      shared.breaker.trip();
      return inMemory(request);
    }
  };
}

/** The plugin keeps one store for each time it is registered, so each has a scope of its own. */
async function limiter(app: FastifyInstance, options: Parameters<typeof fastifyRateLimit>[1]): Promise<(request: FastifyRequest) => Promise<Count>> {
  let check: ReturnType<FastifyInstance['createRateLimit']> | undefined;
  await app.register(async (scope) => {
    await scope.register(fastifyRateLimit, { ...options, global: false, timeWindow: windowS * 1000 });
    check = scope.createRateLimit();
  });
  return async (request) => {
    const count = await check?.(request);
    if (!count || count.isAllowed) throw new Error('requests are counted before the server is ready');
    return { max: count.max, remaining: count.remaining, resetS: Math.max(1, count.ttlInSeconds), isExceeded: count.isExceeded };
  };
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // After a stall of this process the timer is seen before the answer that has long been there: one look at the sockets comes first.
    const timer = setTimeout(() => setImmediate(() => reject(new Error('no answer in time'))), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
