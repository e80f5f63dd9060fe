/** Time as the cache knows it: how much has passed, never what time it is. All in milliseconds. */
export interface Clock {
  /** Only ever rises, and runs on while the process is paused. */
  now(): number;
  /** What the clock on the wall says. Believed only where it says that more time has passed than `now` does. */
  wall(): number;
  /** Runs `run` once after `ms`; the returned function calls that off. */
  after(ms: number, run: () => void): () => void;
  /** Runs `run` when everything that has arrived by now has been seen. */
  turn(run: () => void): void;
}

export const monotonicClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  turn: (run) => {
    setImmediate(run);
  },
};

/** A duration with up to `part` of it taken off at random. */
export function jittered(ms: number, part: number): number {
  return ms * (1 - Math.random() * part);
}

/** Resolves when everything that has arrived by now has been seen. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.turn(resolve);
  });
}

/** Resolves after `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/**
 * Waits for a promise no longer than `ms`. The work itself is bounded where it runs; here only the waiting ends. After a stall of this process
 * the timer is seen before an answer that has long been there, so one look at the sockets comes first.
 */
export async function withTimeout<T>(work: Promise<T>, ms: number, timeout: () => Error, clock: Clock = monotonicClock): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => clock.turn(() => reject(timeout())));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

/** Waits for work that may be slow or fail, but no longer than `ms`, and does not say how it went. */
export function briefly(work: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  return withTimeout(work, ms, () => new Error('late'), clock).then(
    () => {},
    () => {},
  );
}
