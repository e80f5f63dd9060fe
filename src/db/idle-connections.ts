import type { Pool, PoolClient } from 'pg';
import { cutConnection } from './cut-connection.js';

const idleOf = new WeakMap<Pool, Set<PoolClient>>();

/** Keeps count of the connections that wait in the pool, which pg does not show. Call it before the first use of the pool. */
export function watchIdle(pool: Pool): void {
  const idle = new Set<PoolClient>();
  idleOf.set(pool, idle);
  pool.on('acquire', (client) => idle.delete(client));
  pool.on('release', (error, client) => {
    if (!error) idle.add(client);
  });
  pool.on('remove', (client) => idle.delete(client));
}

/**
 * Cuts every connection that waits in the pool. The error makes the pool forget it in this very turn, so that nobody is handed it on; the
 * socket is cut because a polite end would wait for the peer that does not answer.
 */
export function destroyIdle(pool: Pool): void {
  for (const client of [...(idleOf.get(pool) ?? [])]) {
    client.emit('error', new Error('cut, since another connection got no answer'));
    cutConnection(client);
  }
}
