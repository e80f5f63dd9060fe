import type { Pool } from 'pg';
import { isAppError } from '../errors.js';
import { type Arming, armedTransaction, beginArmed, type Ended, type TransactionBounds, type Work } from './transaction.js';

/** Milliseconds for which a transaction that has done its work, and holds its locks, waits for readers. Those that answer take a few. */
const eagerMs = 100;
/** Where readers did not answer, the next do not either, for a while: milliseconds. */
const patientMs = 2000;

const lateReaders = new Error('the readers have not answered yet');

/**
 * W4 begun while the readers are waited for, and committed when they have been. Where they take longer it is rolled back, so that its locks are in
 * nobody's way, and done again after them: `work` runs twice then. A lock that does not come free before they have answered is asked for again as
 * well. Whoever waits like this holds a connection: one of the pool is always left to others, and after readers that were late nobody does for a while.
 */
export function createEagerTransaction(pool: Pool) {
  const most = Math.max(1, pool.options.max - 1);
  let underWay = 0;
  let patientUntil = Number.NEGATIVE_INFINITY;

  return async <T>(armed: Arming, work: Work<T>, bounds?: TransactionBounds): Promise<Ended<T>> => {
    if (underWay >= most || performance.now() < patientUntil) return armedTransaction(pool, armed, work, bounds);
    let hasPassed = false;
    const passed = armed.readers.then(() => {
      hasPassed = true;
    });
    // Whoever waits for it hears of it.
    passed.catch(() => {});
    underWay += 1;
    try {
      return await beginArmed(pool, armed, waiting(work, passed), bounds);
    } catch (error) {
      const isBusy = isAppError(error) && error.code === 'busy' && !hasPassed;
      if (error !== lateReaders && !isBusy) throw error;
      patientUntil = performance.now() + patientMs;
    } finally {
      underWay -= 1;
    }
    return armedTransaction(pool, armed, work, bounds);
  };
}

/** The work, and behind it the wait for readers. */
function waiting<T>(work: Work<T>, passed: Promise<void>): Work<T> {
  return async (query, ahead) => {
    const value = await work(query, ahead);
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(lateReaders), eagerMs);
    });
    await Promise.race([passed, tooLong]).finally(() => clearTimeout(timer));
    return value;
  };
}
