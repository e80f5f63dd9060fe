import { setTimeout as sleep } from 'node:timers/promises';

const closelyMs = 200;
const betweenMs = 40;

/**
 * Reads on for `forMs`, or, where `quietMs` is given, until only new prices came for that long.
 *
 * @param read asks once
 * @returns `oldAt`: monotonic ms at which the last read began that was shown the old price, null where none was; whether the very last one was;
 * how many reads were answered, and how many were not, by reason
 */
export async function watch({ read, product, forMs, quietMs = Number.POSITIVE_INFINITY }) {
  const seen = { oldAt: null, isOldAtEnd: false, reads: 0, failures: new Map() };
  const startedAt = performance.now();
  let quietSince = startedAt;
  for (;;) {
    const beganAt = performance.now();
    if (beganAt - startedAt > forMs || beganAt - quietSince > quietMs) return seen;
    const amount = await read().catch((error) => error);
    if (amount !== product.newAmount) quietSince = performance.now();
    note(seen, amount, product, beganAt);
    if (beganAt - startedAt > closelyMs) await sleep(betweenMs);
  }
}

/** One read more in `seen`, as it was answered: a price or an error. */
export function note(seen, amount, { oldAmount, newAmount }, beganAt) {
  seen.isOldAtEnd = amount === oldAmount;
  if (seen.isOldAtEnd) seen.oldAt = beganAt;
  if (amount === oldAmount || amount === newAmount) seen.reads += 1;
  else {
    const reason = amount instanceof Error ? amount.message : `neither the old nor the new price: ${amount}`;
    seen.failures.set(reason, (seen.failures.get(reason) ?? 0) + 1);
  }
  return seen;
}
