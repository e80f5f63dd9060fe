import type { Clock } from '../../src/cache/clock.js';

/** A clock that stands still until it is told how much time has passed. */
export function createFakeClock(): Clock & { advance(ms: number): void } {
  let now = 1_000_000;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}
