import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Cache, createCache } from '../../src/cache/cache.js';
import type { Clock } from '../../src/cache/clock.js';
import type { DocumentSource } from '../../src/cache/document-bodies.js';
import { tuning } from '../../src/cache/policies.js';
import { connectRedis } from '../../src/plugins/redis.js';
import { redisUrl } from '../harness/redis.js';
import { createFakePrimary, type FakePrimary } from './fake-primary.js';

export interface CacheOptions {
  source?: DocumentSource;
  clock: Clock;
  catalogId?: string;
  /** Left out: a connection of its own. */
  redis?: Redis | null;
  memoryBytes?: number;
  /** Null: every read is validated. */
  leaseMs?: number | null;
  /** Left out: one of its own. Caches of one primary learn of each other's writes. */
  primary?: FakePrimary;
  isLost?: (error: unknown) => boolean;
}

export interface SharedRedis {
  /** A connection of one instance's own, as the service makes it. */
  connect(): Promise<Redis>;
  /** A cache over a connection of its own, in touch with its primary. Caches of one `catalogId` and one primary are instances of one shop. */
  cache(options: CacheOptions): Promise<Cache>;
  close(): Promise<void>;
}

const truthErrors = {
  unavailable: () => new Error('nothing was written'),
  busy: (message: string) => new Error(message),
  unknown: () => new Error('the write may stand'),
};

/** The figures of the service as it is served. */
export const served = { ...tuning };

/**
 * On a machine that is busy with other things the bounds on waiting would decide what a test sees. They have tests of their own; whoever
 * comes here is about something else.
 */
Object.assign(tuning, { redisWaitMs: 5_000, versionQueryMs: 5_000, readMs: 10_000 });

/** Connections and caches over one Redis, the run's own unless told otherwise, all closed together. */
export function openRedis(url = redisUrl()): SharedRedis {
  const open: { disconnect(): unknown }[] = [];
  async function connect() {
    const { client } = await connectRedis(url, () => {});
    open.push(client);
    await untilCalm(client);
    return client;
  }
  return {
    connect,
    async cache(options) {
      const { redis = await connect(), leaseMs = 2000, primary = createFakePrimary(), isLost = null, ...others } = options;
      const cache = createCache({
        truth: { leaseMs, open: primary.open, steps: primary.steps, errors: truthErrors, isLost },
        source: { versions: async () => new Map(), documents: async () => new Map() },
        catalogId: randomUUID(),
        memoryBytes: 4 * 2 ** 20,
        redis,
        overload: () => new Error('too many are waiting'),
        timeout: () => new Error('no answer in time'),
        ...others,
      });
      open.push({ disconnect: () => cache.close() });
      await cache.start();
      return cache;
    },
    close: async () => {
      for (const one of open) await one.disconnect();
    },
  };
}

/**
 * Waits for a connection that is ready, and moves the client's own bound out of the way of the store's: the client takes a machine that was
 * busy for as long for a Redis that does not answer.
 */
export async function untilCalm(client: Redis): Promise<void> {
  client.options.commandTimeout = 5_000;
  if (client.status !== 'ready') await new Promise<void>((resolve) => client.once('ready', resolve));
}

/** Resolves when what was sent over this connection so far, and the commands that follow from the answers, is done. */
export async function settle(redis: Redis, steps = 10): Promise<void> {
  for (let step = 0; step < steps; step += 1) await redis.ping();
}
