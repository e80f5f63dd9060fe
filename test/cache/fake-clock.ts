import { type Clock, monotonicClock } from '../../src/cache/clock.js';
import { tuning } from '../../src/cache/policies.js';

/** A clock that stands still until it is told how much time has passed. */
export interface FakeClock extends Clock {
  /** All at once, as a paused process sees it: whatever has come due runs afterwards. */
  advance(ms: number): void;
  /** From one timer to the next, each with all that follows from it, as far as that needs nobody outside this process. */
  pass(ms: number): Promise<void>;
  /** Somebody sets the clock on the wall. */
  setWall(byMs: number): void;
}

export function createFakeClock(): FakeClock {
  let now = 1_000_000;
  let wallAhead = Date.parse('2026-01-01T00:00:00Z');
  const timers = new Set<{ due: number; run: () => void }>();
  const nextDue = () => Math.min(...[...timers].map(({ due }) => due));

  function runDue() {
    for (let due = nextDue(); due <= now; due = nextDue()) {
      const timer = [...timers].find((one) => one.due === due);
      if (!timer) return;
      timers.delete(timer);
      timer.run();
    }
  }

  return {
    now: () => now,
    wall: () => now + wallAhead,
    after(ms, run) {
      const timer = { due: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    turn: (run) => void setImmediate(run),
    advance(ms) {
      now += ms;
      runDue();
    },
    async pass(ms) {
      const end = now + ms;
      await turns();
      for (let due = nextDue(); due <= end; due = nextDue()) {
        now = Math.max(now, due);
        runDue();
        await turns();
      }
      now = end;
    },
    setWall(byMs) {
      wallAhead += byMs;
    },
  };
}

/** The same for several instances over a real Redis: who has lost the fill lock asks that again and again, in its own time. */
export function createPollingClock(): FakeClock {
  const clock = createFakeClock();
  return { ...clock, after: (ms, run) => (ms < 2 * tuning.pollMs ? monotonicClock : clock).after(ms, run) };
}

/** Lets everything happen that waits for nothing but its turn. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}
