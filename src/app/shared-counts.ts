import type { FastifyInstance } from 'fastify';
import { createBreaker } from '../cache/breaker.js';
import { withTimeout } from '../cache/clock.js';
import { tuning } from '../cache/policies.js';
import type { SharedCounts } from '../plugins/request-counter.js';

/** Requests are counted in Redis under a breaker of their own: a Redis that is away never holds up more than the requests that find it so. */
export function sharedCounts(fastify: FastifyInstance, catalogId: string): SharedCounts {
  const { redis } = fastify;
  const breaker = createBreaker({
    probe: () => withTimeout(redis.ping(), tuning.redisWaitMs, () => new Error('no answer')),
    everyMs: tuning.redisProbeMs,
    onStuck: () => redis.status === 'ready' && redis.disconnect(true),
  });
  fastify.addHook('onClose', async () => breaker.close());
  return { client: redis, prefix: `${catalogId}:limit`, breaker };
}
