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
/** Below this part of what it may ask for, a caller does not wait to be counted. */
const easyPart = 0.5;

/**
 * Counts requests by @fastify/rate-limit: in Redis, for all instances together, and in the memory of this process where there is none or it does
 * not answer. The first request that is counted in vain opens the breaker, and from then on nobody waits; nothing fails for want of a count. A caller that
 * Redis has last said to be far from its limit is counted beside its request, which takes what it should come to for its count: a round trip to Redis is a
 * sixth of a price change.
 */
export async function createRequestCounter(
  app: FastifyInstance,
  { name, perMinute, keyOf, shared }: CounterOptions,
): Promise<(request: FastifyRequest) => Promise<Count>> {
  const common = { max: perMinute, keyGenerator: keyOf ?? addressOf };
  const inMemory = await limiter(app, { ...common, cache: maxCallers });
  if (shared === null) return inMemory;
  const inRedis = await limiter(app, { ...common, redis: shared.client, nameSpace: `${shared.prefix}:${name}:` });
  const expected = createExpectation(perMinute);
  return async (request) => {
    if (shared.breaker.isOpen()) return inMemory(request);
    const caller = common.keyGenerator(request);
    const likely = expected.next(caller);
    const counted = within(redisWaitMs, inRedis(request)).then(
      (count) => expected.told(caller, count),
      () => {
        shared.breaker.trip();
        expected.forget(caller);
        return null;
      },
    );
    return likely ?? (await counted) ?? inMemory(request);
  };
}

/** What the next count of a caller should come to, by what Redis has last said and what it has been sent since. */
function createExpectation(max: number) {
  const known = new Map<string, { used: number; sent: number; endsAt: number }>();
  return {
    /** Null where it has to be waited for: nothing is known, the minute is over, or much of the limit is used up. */
    next(caller: string): Count | null {
      const last = known.get(caller);
      if (!last) return null;
      const leftMs = last.endsAt - performance.now();
      const used = last.used + last.sent;
      last.sent += 1;
      if (leftMs <= 0 || used >= easyPart * max) return null;
      return { max, remaining: max - used - 1, resetS: Math.ceil(leftMs / 1000), isExceeded: false };
    },
    told(caller: string, count: Count): Count {
      const sent = Math.max(0, (known.get(caller)?.sent ?? 0) - 1);
      known.delete(caller);
      const [oldest] = known.keys();
      if (oldest !== undefined && known.size >= maxCallers) known.delete(oldest);
      known.set(caller, { used: max - count.remaining, sent, endsAt: performance.now() + count.resetS * 1000 });
      return count;
    },
    /** Nobody can tell whether Redis has counted what it was sent. */
    forget: (caller: string) => void known.delete(caller),
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
