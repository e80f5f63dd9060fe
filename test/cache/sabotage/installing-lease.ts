import type { Lease } from '../../../src/cache/lease.js';

/** A lease that lets everything into memory, whatever has been blocked since the question was sent. */
export function createInstallingLease(lease: Lease): Lease {
  return Object.assign(Object.create(lease) as Lease, { mayInstall: () => true });
}
