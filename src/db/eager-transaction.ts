import type { Pool } from 'pg';
import { AppError, isAppError } from '../errors.js';
import type { TwoAnswers } from './one-message.js';
import { isUnsent, keepsPrepared } from './statement.js';
import {
  type Arming,
  armedTransaction,
  type Ended,
  type Lead,
  type Open,
  openArmed,
  openBehind,
  type TransactionBounds,
  type Work,
} from './transaction.js';

/** Milliseconds for which a transaction that has done its work, and holds its locks, waits for readers. Those that answer take a few. */
const eagerMs = 100;
/** Where readers did not answer, the next do not either, for a while: milliseconds. */
const patientMs = 2000;

const lateReaders = new Error('the readers have not answered yet');

/** W4, begun with what arms it. */
export interface Begun<T> {
  /**
   * What that answered. Throws `keys_moved` where the product is being changed and the write should be begun anew, which then does not wait for its
   * locks like this. After any error it is over, and what was armed may stand.
   */
  led: Promise<TwoAnswers>;
  /** As `EagerTransactions.run`. */
  commit(armed: Arming): Promise<Ended<T>>;
  /** Rolls it back. */
  drop(): void;
}

/**
 * W4 begun while the readers are waited for, and committed when they have been. Where they take longer it is rolled back, so that its locks are in
 * nobody's way, and done again after them: `work` runs twice then. A lock that does not come free before they have answered is asked for again as
 * well. Whoever waits like this holds a connection: one of the pool is always left to others, and after readers that were late nobody does for a while.
 */
export interface EagerTransactions {
  run<T>(armed: Arming, work: Work<T>, bounds: TransactionBounds): Promise<Ended<T>>;
  /**
   * Null where none may be begun like this at the moment. Whatever becomes of it, it must be committed or dropped. It knows no product yet, and so no
   * turn: a product that somebody holds may keep one connection like this for as long as readers are waited for, and one by whose turn it is.
   */
  begin<T>(lead: Omit<Lead, 'onAnswer' | 'lockMs'>, work: Work<T>, bounds: TransactionBounds): Begun<T> | null;
}

export function createEagerTransactions(pool: Pool): EagerTransactions {
  let underWay = 0;
  let patientUntil = Number.NEGATIVE_INFINITY;
  /** @param spared connections that are left to others, as far as there is more than one */
  const mayBegin = (spared: number) => underWay < Math.max(1, pool.options.max - spared) && performance.now() >= patientUntil;

  /** Counts one that is begun; to be called when it is over, and more often does no harm. */
  function count(): () => void {
    let isOver = false;
    underWay += 1;
    return () => {
      if (!isOver) underWay -= 1;
      isOver = true;
    };
  }

  /** Commits it when the readers have answered. Null where it is to be done again, because they or the locks took long. */
  async function whenPassed<T>(opening: Promise<Open<T>>, armed: Arming): Promise<Ended<T> | null> {
    let hasPassed = false;
    const passed = armed.readers.then(() => {
      hasPassed = true;
    });
    // Whoever waits for it hears of it.
    passed.catch(() => {});
    try {
      const open = await opening;
      await briefly(passed).catch(async (error: unknown) => {
        await open.rollback();
        throw error;
      });
      return { value: open.value, isKnown: await open.commit(armed) };
    } catch (error) {
      if (error !== lateReaders && !(isBusy(error) && !hasPassed)) throw error;
      patientUntil = performance.now() + patientMs;
      return null;
    }
  }

  return {
    async run(armed, work, bounds) {
      if (!mayBegin(1)) return armedTransaction(pool, armed, work, bounds);
      const whole = () => whenPassed(openArmed(pool, armed, work, bounds), armed);
      const done = await (armed.turn ? armed.turn(whole) : whole()).finally(count());
      return done ?? armedTransaction(pool, armed, work, bounds);
    },

    begin<T>(lead: Omit<Lead, 'onAnswer' | 'lockMs'>, work: Work<T>, bounds: TransactionBounds) {
      if (!mayBegin(2) || !keepsPrepared(pool)) return null;
      let onAnswer = (_: TwoAnswers) => {};
      let isAnswered = false;
      const answered = new Promise<TwoAnswers>((resolve) => {
        onAnswer = (answers) => {
          isAnswered = true;
          resolve(answers);
        };
      });
      // A lock that is not free is not waited for longer than readers are.
      const opening = openBehind(pool, { ...lead, onAnswer, lockMs: eagerMs }, work, bounds);
      const over = count();
      const failed = opening.then(
        () => answered,
        (error: unknown) => {
          over();
          if (isAnswered || !isBusy(error) || isUnsent(error)) throw error;
          patientUntil = performance.now() + patientMs;
          throw new AppError('keys_moved', 'The product is being changed by others; try again');
        },
      );
      // Whoever has begun it hears of it when it is to be committed, or does not want to.
      failed.catch(() => {});
      return {
        led: Promise.race([answered, failed]),
        async commit(armed) {
          const done = await whenPassed(opening, armed).finally(over);
          return done ?? armedTransaction(pool, armed, work, bounds);
        },
        drop() {
          opening.then((open) => open.rollback().finally(over)).catch(() => {});
        },
      };
    },
  };
}

function isBusy(error: unknown): boolean {
  return isAppError(error) && error.code === 'busy';
}

/** Throws `lateReaders` where they take longer than it may be waited for with locks. */
async function briefly(passed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lateReaders), eagerMs);
  });
  await Promise.race([passed, tooLong]).finally(() => clearTimeout(timer));
}
