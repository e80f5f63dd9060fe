import type { Clock } from '../../src/cache/clock.js';
import { createLease, type Lease } from '../../src/cache/lease.js';
import type { Look } from '../../src/cache/truth-ports.js';

export const leaseMs = 2000;

/** A renewal whose answer comes in the turn in which it is sent. */
export function renew(lease: Lease, blocks: Look['blocks'] = [], pair = 'first') {
  return lease.renewed(lease.begin(), { blocks, pair });
}

/** A lease that has been renewed once. */
export function createHeldLease(clock: Clock, forget: (key: string) => void = () => {}): Lease {
  const lease = createLease({ clock, leaseMs, forget });
  renew(lease);
  return lease;
}
