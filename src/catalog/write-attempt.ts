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
/** With somebody waiting, a write is not begun anew after so long: it may have waited for a hung instance already, and would once more. */
const patienceMs = 250;

/**
 * A write names what it will touch before it may look at it under a lock. Where a rename comes in between it is refused with `keys_moved`,
 * and has to look again; three times at most, then the fault is the caller's to see.
 * @param isBulk nobody waits: the time does not matter
 */
export async function againWhenMoved<T>(attempt: () => Promise<T>, isBulk = false): Promise<T> {
  const until = isBulk ? Number.POSITIVE_INFINITY : performance.now() + patienceMs;
  for (let left = maxAttempts; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Unchanged) return error.answer as T;
      if (left <= 1 || performance.now() > until || !isAppError(error) || error.code !== 'keys_moved') throw error;
    }
  }
}
