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

/**
 * Waits for a promise no longer than `ms`. The work itself is bounded where it runs; here only the waiting ends. After a stall of this process
 * the timer is seen before an answer that has long been there, so one look at the sockets comes first.
 */
export async function withTimeout<T>(work: Promise<T>, ms: number, timeout: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => setImmediate(() => reject(timeout())), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
