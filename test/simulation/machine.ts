import type { Clock } from '../../src/cache/clock.js';
import type { Scheduler } from './scheduler.js';

/** A process on a machine of its own: its clocks, and whether it runs. */
export interface Machine {
  readonly name: string;
  readonly clock: Clock;
  isAlive(): boolean;
  /** Something arrives from outside; it is seen when the process runs. */
  deliver(run: () => void): void;
  /** SIGSTOP, a collection of garbage, a stalled event loop: nothing runs for `ms`, and time goes on. */
  pause(ms: number): void;
  /** The machine sleeps: the same, and its monotonic clock stands still meanwhile. The one on the wall does not. */
  suspend(ms: number): void;
  /** SIGCONT, before the time. */
  wake(): void;
  stepWall(ms: number): void;
  /** Nothing of it ever runs again. */
  kill(): void;
}

/** @param rate how fast its clock runs; two machines may differ by less than the margin of the protocol */
export function createMachine(scheduler: Scheduler, name: string, rate: number): Machine {
  let isAlive = true;
  let pausedUntil = 0;
  let wallOffset = 1_700_000_000_000;
  let sleptMs = 0;
  let timers: (() => void)[] = [];
  let arrivals: (() => void)[] = [];

  const isPaused = () => scheduler.now() < pausedUntil;

  function resume() {
    if (isPaused()) return;
    // What the event loop does after a stall: the timers that are due, then what lies in the sockets.
    const due = [...timers, ...arrivals];
    timers = [];
    arrivals = [];
    for (const run of due) scheduler.after(0, () => (isPaused() ? arrivals.push(run) : isAlive && run()));
  }

  function pause(ms: number) {
    if (ms <= 0) return;
    pausedUntil = Math.max(pausedUntil, scheduler.now() + ms);
    scheduler.after(pausedUntil - scheduler.now(), resume);
  }

  return {
    name,
    clock: {
      now: () => 1000 + (scheduler.now() - sleptMs) * rate,
      wall: () => wallOffset + scheduler.now() * rate,
      after(ms, run) {
        let isOff = false;
        const fire = () => {
          if (isOff || !isAlive) return;
          if (isPaused()) timers.push(fire);
          else run();
        };
        const cancel = scheduler.after(ms / rate, fire);
        return () => {
          isOff = true;
          cancel();
        };
      },
      turn(run) {
        const fire = () => {
          if (!isAlive) return;
          if (isPaused()) arrivals.push(run);
          else run();
        };
        scheduler.after(0, fire);
      },
    },
    isAlive: () => isAlive,
    deliver(run) {
      if (!isAlive) return;
      if (isPaused()) arrivals.push(run);
      else run();
    },
    pause,
    suspend(ms) {
      pause(ms);
      sleptMs += ms;
    },
    wake() {
      pausedUntil = scheduler.now();
      resume();
    },
    stepWall(ms) {
      wallOffset += ms;
    },
    kill() {
      isAlive = false;
      timers = [];
      arrivals = [];
    },
  };
}
