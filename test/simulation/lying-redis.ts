import { down, type RedisStore, type StoredDocument } from '../../src/cache/redis-store.js';
import type { Machine } from './machine.js';
import type { Scheduler } from './scheduler.js';
import type { Seeded } from './seeded.js';

/** `honest`; `lying`: answers with anything it ever held under a key, or held in another life of the catalog, and forgets and refuses at will; `down`. */
export type RedisMood = 'honest' | 'lying' | 'down';

/** Redis as all machines share it. A text put under another name or version is found out by its seal, so it does not lie that way. */
export interface LyingRedis {
  mood: RedisMood;
  store(machine: Machine, delayMs: () => number | null): RedisStore;
  readonly counts: { lies: number };
}

const waitMs = 200;

export function createLyingRedis(scheduler: Scheduler, seeded: Seeded): LyingRedis {
  const stands = new Map<string, StoredDocument>();
  const ever = new Map<string, StoredDocument[]>();
  const locks = new Map<string, string>();
  const counts = { lies: 0 };

  function put(key: string, document: StoredDocument): boolean {
    const all = ever.get(key) ?? [];
    ever.set(key, all);
    all.push(document);
    if (redis.mood === 'lying' && seeded.chance(0.3)) return seeded.chance(0.5);
    const before = stands.get(key);
    if (before && before.version > document.version) return false;
    stands.set(key, document);
    return true;
  }

  function get(key: string): StoredDocument | null {
    const document = stands.get(key) ?? null;
    if (redis.mood !== 'lying' || seeded.chance(0.3)) return document;
    counts.lies += 1;
    const all = ever.get(key) ?? [];
    if (all.length === 0 || seeded.chance(0.2)) return null;
    const lie = seeded.pick(all);
    // Before the database was restored, versions had other contents.
    return seeded.chance(0.3) ? { ...lie, token: 'of another life', body: '{"amount":-1}' } : lie;
  }

  const redis: LyingRedis = {
    mood: 'honest',
    counts,
    store(machine, delayMs) {
      function ask<T>(work: () => T): Promise<T | typeof down> {
        if (redis.mood === 'down') return Promise.resolve(down);
        return new Promise((resolve) => {
          const cancel = machine.clock.after(waitMs, () => machine.clock.turn(() => resolve(down)));
          const [there, back] = [delayMs(), delayMs()];
          if (there === null) return;
          scheduler.after(there, () => {
            const value = work();
            if (back === null) return;
            scheduler.after(back, () =>
              machine.deliver(() => {
                cancel();
                resolve(value);
              }),
            );
          });
        });
      }
      const unlock = (key: string, lock: string) => {
        if (locks.get(key) === lock) locks.delete(key);
      };
      return {
        isUp: () => redis.mood !== 'down',
        withoutIt: 'redis-down',
        document: (key) => ask(() => get(key)),
        putDocument: (key, document) => ask(() => put(key, document)),
        fillDocument: (key, lock, document) =>
          ask(() => {
            if (redis.mood === 'honest' && locks.get(key) !== lock) return false;
            unlock(key, lock);
            return put(key, document);
          }),
        text: async () => null,
        fillText: async () => false,
        lock: (key, lock, ms) =>
          ask(() => {
            if (redis.mood === 'lying' && seeded.chance(0.5)) return true;
            if (locks.has(key)) return false;
            locks.set(key, lock);
            scheduler.after(ms, () => unlock(key, lock));
            return true;
          }),
        unlock: async (key, lock) => {
          await ask(() => unlock(key, lock));
        },
        generations: async (_key, fields) => fields.map(() => 1),
        raise: async (_key, fields) => fields.map(() => 1),
        close: () => {},
      };
    },
  };
  return redis;
}
