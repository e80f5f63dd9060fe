import type { WriteErrors } from '../cache/document-write.js';
import { AppError, isAppError } from '../errors.js';

/** What a write that did not come through says. */
export const writeErrors: WriteErrors = {
  unavailable: () => new AppError('database_unavailable', 'The database does not answer at the moment; nothing was changed'),
  busy: (message, retryAfterS) => new AppError('busy', message, { retryAfterS }),
  unknown: () =>
    new AppError('write_outcome_unknown', 'The change may or may not have been made: the database was lost while it was saved. Read it again'),
};

/** Thrown inside a write that turns out to change nothing: it is taken back, and `answer` is what the caller gets. */
export class Unchanged<T> extends Error {
  readonly answer: T;
  constructor(answer: T) {
    super('nothing to change');
    this.name = 'Unchanged';
    this.answer = answer;
  }
}

const maxAttempts = 3;
/** With somebody waiting, a write is not begun anew later than this: it would be given up before it came through. */
const patienceMs = 1500;

/**
 * A write names what it will touch before it may look at it under a lock. Where a rename comes in between, or the lock was not free while it was
 * begun early, it is refused with `keys_moved` and has to look again; three times at most, then the fault is the caller's to see.
 * @param attempt is told how many ms the ones before it have taken, which are no longer to be had: see WriteOptions
 * @param isBulk nobody waits: the time does not matter
 */
export async function againWhenMoved<T>(attempt: (spentMs: number) => Promise<T>, isBulk = false): Promise<T> {
  const begunAt = performance.now();
  for (let left = maxAttempts; ; left -= 1) {
    const spentMs = performance.now() - begunAt;
    try {
      return await attempt(spentMs);
    } catch (error) {
      if (error instanceof Unchanged) return error.answer as T;
      const isLate = !isBulk && performance.now() - begunAt > patienceMs;
      if (left <= 1 || isLate || !isAppError(error) || error.code !== 'keys_moved') throw error;
    }
  }
}
