import { randomUUID } from 'node:crypto';
import { type Clock, jittered, pause } from './clock.js';
import type { Outcome } from './outcome.js';
import { tuning } from './policies.js';
import { type Down, down, type RedisStore } from './redis-store.js';

/** What a second look at Redis found. `moved`: a newer entry stands there, waiting for the one we want is in vain. */
export type Look<T> = { value: T } | 'nothing' | 'moved' | Down;

export interface Filling<T> {
  key: string;
  look(): Promise<Look<T>>;
  load(): Promise<T>;
  /** Stores under the lock, which it gives up; false where the lock was lost meanwhile. */
  store(value: T, lock: string): Promise<boolean | Down>;
}

export interface Filled<T> {
  value: T;
  how: 'stored' | 'refused' | 'collapsed' | 'waited-out' | 'redis-down';
}

/**
 * One loader for one key across all instances (a lock with a random token in Redis, as its SET NX PX documentation describes it). The lock
 * saves work and is trusted for nothing else: whoever lost it may still use what it loaded, but may not store it. A holder that is killed
 * is replaced when the lock ends; a loser polls with jitter and, after the wait limit, loads for itself. Errors of `load` reach the caller,
 * are never retried here, and free the lock.
 */
export async function fillOnce<T>(store: RedisStore, clock: Clock, filling: Filling<T>): Promise<Filled<T>> {
  const lock = randomUUID();
  const giveUpAt = clock.now() + tuning.waitMs;
  for (;;) {
    const won = await store.lock(filling.key, lock, tuning.lockMs);
    if (won === down) return { value: await filling.load(), how: 'redis-down' };
    if (won) return fillAsHolder(store, filling, lock);
    if (clock.now() >= giveUpAt) return { value: await filling.load(), how: 'waited-out' };

    await pause(clock, jittered(2 * tuning.pollMs, 0.5));
    const seen = await filling.look();
    if (seen === down) return { value: await filling.load(), how: 'redis-down' };
    if (seen === 'moved') return { value: await filling.load(), how: 'waited-out' };
    if (seen !== 'nothing') return { value: seen.value, how: 'collapsed' };
  }
}

async function fillAsHolder<T>(store: RedisStore, filling: Filling<T>, lock: string): Promise<Filled<T>> {
  // Between our miss and our lock the holder before us may have stored.
  const seen = await filling.look();
  if (seen !== down && seen !== 'nothing' && seen !== 'moved') {
    await store.unlock(filling.key, lock);
    return { value: seen.value, how: 'collapsed' };
  }
  let value: T;
  try {
    value = await filling.load();
  } catch (error) {
    await store.unlock(filling.key, lock);
    throw error;
  }
  const stored = await filling.store(value, lock);
  return { value, how: stored === down ? 'redis-down' : stored ? 'stored' : 'refused' };
}

/** How such a read is reported. */
export function outcomeOfFill({ how }: Filled<unknown>): Outcome {
  if (how === 'redis-down' || how === 'stored' || how === 'collapsed') return how;
  return 'miss';
}
