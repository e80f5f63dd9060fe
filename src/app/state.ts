import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Cache } from '../cache/cache.js';
import type { ImportRunner } from '../catalog/import-runner.js';
import type { ClosedConnections } from '../plugins/connection-limits.js';
import type { Health } from '../routes/health.js';
import type { Reading } from '../sight/metrics.js';
import type { Connections } from './connections.js';

/** What the service says of itself, to its proxy and to its operator. */
export interface State {
  health(): Promise<Health>;
  reading(): Promise<Reading>;
  isDraining(): boolean;
  drain(): void;
}

export function createState(
  fastify: FastifyInstance,
  options: {
    version: string;
    memoryLimitBytes: number;
    connections: Connections;
    cache: Cache;
    imports: Pick<ImportRunner, 'counts'>;
    closedConnections: ClosedConnections;
  },
): State {
  const { version, memoryLimitBytes, connections, cache, imports, closedConnections } = options;
  let isDraining = false;
  // While draining, connections end with their next answer, so that nobody has just sent a request into one when the door closes.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isDraining) reply.header('connection', 'close');
    done(null, payload);
  });

  async function health(): Promise<Health> {
    const isUp = await connections.watch.isUp();
    const status = isDraining ? 'draining' : isUp ? 'ready' : 'unavailable';
    const { redis, lease } = cache.report();
    return { status, postgres: isUp ? 'up' : 'down', redis, lease: lease.state };
  }

  return {
    health,
    async reading() {
      const { status, postgres } = await health();
      const { pool, writing } = connections.db;
      return {
        ...{ version, report: cache.report(), isReady: status === 'ready', isDraining, isDatabaseUp: postgres === 'up', imports: imports.counts() },
        ...{ closedConnections, memoryLimitBytes },
        pools: { read: countsOf(pool), write: countsOf(writing.pool) },
      };
    },
    isDraining: () => isDraining,
    drain() {
      isDraining = true;
    },
  };
}

function countsOf({ totalCount: open, idleCount: idle, waitingCount: waiting, options }: Pool) {
  return { open, idle, waiting, max: options.max };
}
