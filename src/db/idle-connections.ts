import type { Pool, PoolClient } from 'pg';

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
 * Cuts every connection that waits in the pool. A polite end would wait for the peer that does not answer; a cut socket makes the pool
 * drop the connection at once, and the next query opens a new one.
 */
export function destroyIdle(pool: Pool): void {
  for (const client of idleOf.get(pool) ?? []) (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
