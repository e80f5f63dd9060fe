/** Milliseconds that only ever rise. Nothing in the cache asks what time it is, only how much of it has passed. */
export interface Clock {
  now(): number;
}

export const monotonicClock: Clock = { now: () => performance.now() };

/** A duration with up to `part` of it taken off at random. */
export function jittered(ms: number, part: number): number {
  return ms * (1 - Math.random() * part);
}

/** Resolves after `ms`; never keeps the process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
