import type { Pool } from 'pg';
import { AppError, isAppError } from '../errors.js';

/** Those who wait for a connection to read with. Where they are too many for too long, some are turned away, so that the others are served in time. */
export interface ReadingLine {
  /** Whether too many wait at this moment, or somebody has waited in vain or was turned away since the last look. */
  isTooLong(): boolean;
  /** Whether, from now on, whoever goes first is turned away while as many wait as may. */
  turnAway(isOn: boolean): void;
  /** The same reads for those who go first: each throws `overloaded`, with a time to come back, where it is turned away. */
  shedFirst<Reads extends object>(reads: Reads): Reads;
}

/**
 * The bound holds only after `turnAway`: a crowd that comes once is served, however long its line is for a moment. From then on as many are let in
 * as may wait. A look that counts who waits would miss a crowd that comes in waves, all at once and all again after their second, so it asks as
 * well whether anybody had no luck.
 * @param maxWaiting 0: it is never too long
 */
export function createReadingLine(pool: Pick<Pool, 'waitingCount'>, maxWaiting: number): ReadingLine {
  let isOn = false;
  let unlucky = 0;

  function admit(): void {
    if (!isOn || pool.waitingCount < maxWaiting) return;
    unlucky += 1;
    throw new AppError('overloaded', 'There is more to read than the database can answer: try again', { retryAfterS: 2, shortOf: 'database' });
  }

  return {
    isTooLong() {
      const wasAnyUnlucky = unlucky > 0;
      unlucky = 0;
      return maxWaiting > 0 && (wasAnyUnlucky || pool.waitingCount > maxWaiting);
    },
    turnAway(wanted) {
      isOn = wanted;
    },
    shedFirst(reads) {
      const admitted = Object.entries(reads).map(([name, read]) => [
        name,
        async (...args: unknown[]) => {
          admit();
          try {
            return await read(...args);
          } catch (error) {
            if (isWaitedInVain(error)) unlucky += 1;
            throw error;
          }
        },
      ]);
      return Object.fromEntries(admitted);
    },
  };
}

/** What pg says to whoever was not given a connection in time. */
function isWaitedInVain(error: unknown): boolean {
  return isAppError(error) && error.cause instanceof Error && error.cause.message === 'timeout exceeded when trying to connect';
}
