import { AppError } from '../errors.js';

/** Runs what takes a connection and the lock of one product, once nobody else of this process does. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** As long as a connection is waited for. */
const waitMs = 1000;
/** More would not come to their turn in that time. */
const maxWaiting = 100;

/**
 * One change of a product at a time takes a connection; those behind it wait without one. Its row is locked by the change anyway, so that a second
 * connection would only wait for the first. Where somebody else holds that row for long:
 *
 *   1. three changes of the product take all three connections that changes have, and wait a second each for the lock;
 *   2. the change of another product, and the look-up of its key, wait for a connection as long, and are refused.
 *
 * A change that is begun with what arms it does not know its product yet and stands in no line: see EagerTransactions.
 *
 * @returns the turn of a product. It throws `busy` where it does not come within a second, or too many are waiting for it.
 */
export function createProductTurns(): (product: string) => Turn {
  /** Who waits behind the change that is under way; no entry where none is. */
  const lines = new Map<string, (() => void)[]>();

  function take(product: string): Promise<void> | undefined {
    const line = lines.get(product);
    if (!line) {
      lines.set(product, []);
      return undefined;
    }
    if (line.length >= maxWaiting) throw busy();
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        line.splice(line.indexOf(enter), 1);
        reject(busy());
      }, waitMs);
      line.push(enter);
    });
  }

  function pass(product: string): void {
    const next = lines.get(product)?.shift();
    if (next) next();
    else lines.delete(product);
  }

  return (product) => async (work) => {
    await take(product);
    try {
      return await work();
    } finally {
      pass(product);
    }
  };
}

function busy(): AppError {
  return new AppError('busy', 'Other changes of this product are under way: try again', { retryAfterS: 1 });
}
