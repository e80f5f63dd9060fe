import { AppError } from '../errors.js';
import type { KeyStore, SecretKey } from './ports.js';

/** Prefixes that one statement looks up. */
const maxAtOnce = 200;
/** Prefixes that wait for the next ones. */
const maxWaiting = 10_000;

interface Waiter {
  answer: Promise<SecretKey | null>;
  tell: (found: SecretKey | null) => void;
  fail: (error: unknown) => void;
}

/**
 * Looks keys up by their prefixes, all that come while one statement is under way with the next one. So a flood of keys that nobody has costs
 * Postgres one statement at a time, however many come, and the right key among them waits for two at most. A request joins only a statement that
 * has not been sent: one that has may have read the key before it was revoked.
 */
export function createKeyLane({ findSecrets }: Pick<KeyStore, 'findSecrets'>): (prefix: string) => Promise<SecretKey | null> {
  const waiting = new Map<string, Waiter>();
  let isUnderWay = false;

  async function send(): Promise<void> {
    if (isUnderWay || waiting.size === 0) return;
    isUnderWay = true;
    const batch = [...waiting].slice(0, maxAtOnce);
    for (const [prefix] of batch) waiting.delete(prefix);
    try {
      const found = new Map((await findSecrets(batch.map(([prefix]) => prefix))).map((key) => [key.prefix, key]));
      for (const [prefix, { tell }] of batch) tell(found.get(prefix) ?? null);
    } catch (error) {
      for (const [, { fail }] of batch) fail(error);
    }
    isUnderWay = false;
    void send();
  }

  return async (prefix) => {
    const there = waiting.get(prefix);
    if (there) return there.answer;
    if (waiting.size >= maxWaiting) throw new AppError('busy', 'Too many keys are waiting to be looked up');
    const waiter = {} as Waiter;
    waiter.answer = new Promise((resolve, reject) => Object.assign(waiter, { tell: resolve, fail: reject }));
    waiting.set(prefix, waiter);
    void send();
    return waiter.answer;
  };
}
