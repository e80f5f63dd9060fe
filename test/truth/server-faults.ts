import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultContext, FaultKind } from './fault-context.js';
import type { Slot } from './fleet.js';

/** Faults of Redis and of Postgres. */
export const serverFaults: Record<string, FaultKind> = {
  'redis-flushed': onRedis(async ({ redis }) => {
    await redis.flush();
    return true;
  }),
  'redis-restarted-empty': onRedis(async ({ redis, random }) => {
    await redis.restart('empty', random.int(50, 2_000));
    return true;
  }),
  'redis-restarted-older': onRedis(async ({ redis, random }) => {
    const isSaved = await redis.save();
    await sleep(random.int(500, 3_000));
    await redis.restart('older', random.int(50, 1_000));
    return isSaved;
  }),
  'redis-hung': onRedis(async ({ redis, random }) => {
    redis.pause();
    try {
      await sleep(random.int(300, 3_000));
    } finally {
      redis.resume();
    }
    return true;
  }),
  'redis-old-documents': onRedis(async ({ redis, random }) => {
    const putBack = await redis.keepDocuments(200);
    await sleep(random.int(500, 2_500));
    return (await putBack()) > 0;
  }),
  // A replica that lags is promoted, and part of the instances go on with the old primary; then all go back to that.
  'redis-failed-over': onRedis(async ({ redis, fleet, random }) => {
    await redis.copyToReplica();
    await sleep(random.int(300, 1_500));
    const moved = fleet.slots.filter(() => random.chance(0.6));
    try {
      for (const slot of moved) await slot.links.redis.retarget(redis.replicaPort);
      await sleep(random.int(1_000, 3_000));
    } finally {
      for (const slot of moved) await slot.links.redis.retarget(redis.port);
    }
    return moved.length > 0;
  }),
  'postgres-restarted': onPostgres('fast'),
  'postgres-crashed': onPostgres('crash'),
  'listener-killed': onBackends('session', ({ links }) => [links.session]),
  'backends-killed': onBackends('pool', ({ links }) => [links.pool, links.session]),
};

function onRedis(run: (context: FaultContext) => Promise<boolean>): FaultKind {
  return (context) => ({ on: 'Redis', holds: 'Redis', run: () => run(context) });
}

function onPostgres(how: 'fast' | 'crash'): FaultKind {
  return ({ postgres, random }) => {
    const ms = random.int(0, 2_000);
    if (!postgres.canRestart) return null;
    return {
      on: `Postgres, down ${ms} ms`,
      holds: 'Postgres',
      async run() {
        await postgres.restart(how, ms);
        return true;
      },
    };
  };
}

function onBackends(what: string, links: (slot: Slot) => Slot['links'][keyof Slot['links']][]): FaultKind {
  return ({ postgres, residents, random }) => {
    const slot = random.pick(residents);
    return {
      on: `${slot.name} ${what}`,
      holds: 'Postgres',
      async run() {
        const ports = (await Promise.all(links(slot).map((link) => link.upstreamPorts()))).flat();
        return (await postgres.terminate(ports)) > 0;
      },
    };
  };
}
