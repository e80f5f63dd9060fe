import type { Scheduler } from './scheduler.js';

/** Row locks, held to the end of their transaction. */
export interface Locks {
  /** Exactly one of the two is called: at once, or when the lock comes free or `withinMs` has passed. */
  take(owner: object, name: string, withinMs: number, got: () => void, late: () => void): void;
  isTaken(name: string): boolean;
  release(owner: object): void;
  /** All at once, with those that wait: a crash. */
  clear(): void;
}

interface Waiter {
  owner: object;
  got: () => void;
  cancel: () => void;
}

export function createLocks(scheduler: Scheduler): Locks {
  const held = new Map<string, { owner: object; line: Waiter[] }>();

  return {
    take(owner, name, withinMs, got, late) {
      const lock = held.get(name);
      if (!lock || lock.owner === owner) {
        if (!lock) held.set(name, { owner, line: [] });
        got();
        return;
      }
      const waiter: Waiter = { owner, got, cancel: () => {} };
      waiter.cancel = scheduler.after(withinMs, () => {
        lock.line.splice(lock.line.indexOf(waiter), 1);
        late();
      });
      lock.line.push(waiter);
    },
    isTaken: (name) => held.has(name),
    release(owner) {
      const woken: Waiter[] = [];
      for (const [name, lock] of held) {
        for (const waiter of lock.line.filter((w) => w.owner === owner)) {
          waiter.cancel();
          lock.line.splice(lock.line.indexOf(waiter), 1);
        }
        if (lock.owner !== owner) continue;
        const next = lock.line.shift();
        if (!next) held.delete(name);
        else {
          next.cancel();
          lock.owner = next.owner;
          woken.push(next);
        }
      }
      for (const { got } of woken) got();
    },
    clear() {
      for (const { line } of held.values()) for (const { cancel } of line) cancel();
      held.clear();
    },
  };
}
