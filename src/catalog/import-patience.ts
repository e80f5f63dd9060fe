import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, isAppError } from '../errors.js';

/** A restart of Postgres takes seconds, after which a bulk write may wait for five more; whoever holds a lock lets go of it sooner. */
const patienceMs = 30_000;
const firstPauseMs = 250;
const longestPauseMs = 4_000;

const passing: readonly ErrorCode[] = ['busy', 'database_unavailable', 'write_outcome_unknown'];

/**
 * Does `attempt` again where what it met passes by itself: another writer, a database that is away. With pauses from a quarter of a second up to
 * four, and no more once half a minute has gone by since the beginning; then the failure of the last attempt is thrown. Every attempt must be
 * one that may be repeated.
 * @param signal ends the pause and with it the attempts: throws its reason
 * @param pause and `now` are there for a clock that is not real
 */
export async function patiently<T>(
  attempt: () => Promise<T>,
  signal?: AbortSignal,
  { now = () => performance.now(), pause = pauseFor }: { now?: () => number; pause?: typeof pauseFor } = {},
): Promise<T> {
  const until = now() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isAppError(error) || !passing.includes(error.code) || now() + pauseMs > until) throw error;
    }
    await pause(pauseMs, signal);
  }
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => {});
  signal?.throwIfAborted();
}
