import { randomUUID } from 'node:crypto';
import { type Clock, jittered } from './clock.js';
import type { RowCounters } from './counters.js';
import { fillOnce, type Look, outcomeOfFill } from './fill-once.js';
import type { Memory } from './memory.js';
import type { Outcome } from './outcome.js';
import { policies, type ReadRow, tuning } from './policies.js';
import { down, type RedisStore } from './redis-store.js';

export type TimedRow = Exclude<ReadRow, 'productDetail' | 'productBatch'>;

export interface TimedAnswer<T> {
  value: T;
  outcome: Outcome;
}

/** Values that live by time: fresh, then stale, then gone. JSON in Redis, parsed in memory; what is handed out is shared and must not be changed. */
export interface Timed {
  read<T extends object>(row: TimedRow, key: string, load: () => Promise<T>): Promise<TimedAnswer<T>>;
}

interface Entry {
  value: object;
  /** Monotonic ms at which the value was loaded, wherever that was. */
  bornAt: number;
  softMs: number;
  hardMs: number;
  failures: number;
  /** Monotonic ms before which no refresh is tried. */
  refreshAt: number;
}

/**
 * Cache-aside (`staleMs` 0) and stale-while-revalidate (RFC 5861) over both tiers. A stale value is served at once while exactly one refresh
 * runs across all instances; a failed refresh keeps the stale value and backs off; past the hard limit the read waits.
 */
export function createTimed(options: { memory: Memory; store: RedisStore; clock: Clock; counters: (row: ReadRow) => RowCounters }): Timed {
  const { memory, store, clock, counters } = options;
  const flights = new Map<string, Promise<TimedAnswer<object>>>();
  const refreshes = new Set<string>();

  function hold(row: TimedRow, key: string, value: object, text: string, ageMs: number): Entry {
    const policy = policies[row];
    const entry: Entry = {
      value,
      bornAt: clock.now() - ageMs,
      softMs: jittered(policy.freshMs, tuning.jitter),
      hardMs: policy.freshMs + policy.staleMs,
      failures: 0,
      refreshAt: 0,
    };
    const stands = memory.get(key) as Entry | undefined;
    if (stands && stands.bornAt > entry.bornAt) return stands;
    // The stale page may come back from Redis as another object; that ends no back-off.
    if (stands && !isFresh(entry)) Object.assign(entry, { failures: stands.failures, refreshAt: stands.refreshAt });
    memory.set(key, entry, 2 * text.length);
    return entry;
  }

  const ageOf = (entry: Entry) => clock.now() - entry.bornAt;
  const isFresh = (entry: Entry) => ageOf(entry) < entry.softMs;
  const isServable = (row: TimedRow, entry: Entry) => isFresh(entry) || (policies[row].staleMs > 0 && ageOf(entry) < entry.hardMs);

  /** What Redis holds and may still be served, taken into memory; null where there is nothing of the kind. */
  async function lookInRedis(row: TimedRow, key: string): Promise<Entry | null | typeof down> {
    const policy = policies[row];
    const stored = await store.text(key);
    if (stored === down || stored === null) return stored;
    const ageMs = Math.max(0, policy.freshMs + policy.staleMs - stored.remainingMs);
    const value = parse(stored.text);
    if (value === null) return null;
    const entry = hold(row, key, value, stored.text, ageMs);
    return isServable(row, entry) ? entry : null;
  }

  function filling<T extends object>(row: TimedRow, key: string, load: () => Promise<T>) {
    const policy = policies[row];
    return {
      key,
      async look(): Promise<Look<Entry>> {
        const entry = await lookInRedis(row, key);
        if (entry === down) return down;
        return entry && isFresh(entry) ? { value: entry } : 'nothing';
      },
      async load(): Promise<Entry> {
        const startedAt = clock.now();
        const value = await load();
        return hold(row, key, value, JSON.stringify(value), clock.now() - startedAt);
      },
      store: (entry: Entry, lock: string) => store.fillText(key, lock, JSON.stringify(entry.value), policy.freshMs + policy.staleMs - ageOf(entry)),
    };
  }

  async function miss<T extends object>(row: TimedRow, key: string, load: () => Promise<T>): Promise<TimedAnswer<object>> {
    const stored = await lookInRedis(row, key);
    if (stored === down) return { value: (await filling(row, key, load).load()).value, outcome: store.withoutIt };
    if (stored) return serve(row, key, stored, load, 'redis');
    const filled = await fillOnce(store, clock, filling(row, key, load));
    return { value: filled.value.value, outcome: outcomeOfFill(filled) };
  }

  function serve<T extends object>(row: TimedRow, key: string, entry: Entry, load: () => Promise<T>, fresh: Outcome): TimedAnswer<object> {
    if (isFresh(entry)) return { value: entry.value, outcome: fresh };
    if (clock.now() >= entry.refreshAt && !refreshes.has(key)) void refresh(row, key, entry, load);
    return { value: entry.value, outcome: 'stale' };
  }

  async function refresh<T extends object>(row: TimedRow, key: string, served: Entry, load: () => Promise<T>): Promise<void> {
    refreshes.add(key);
    const lock = randomUUID();
    try {
      const won = await store.lock(key, lock, tuning.lockMs);
      if (won === false) {
        // Another instance refreshes. Its page is in Redis when we look next time.
        served.refreshAt = clock.now() + jittered(4 * tuning.pollMs, 0.5);
        await lookInRedis(row, key);
        return;
      }
      const one = filling(row, key, load);
      const seen = won === down ? down : await one.look();
      if (seen !== down && seen !== 'nothing' && seen !== 'moved') return await store.unlock(key, lock);
      const entry = await one.load();
      if (won !== down) await one.store(entry, lock);
      counters(row).fills += 1;
    } catch {
      // The reader has its stale page already, and the one who asks past the hard limit gets the error itself.
      const stale = (memory.get(key) as Entry | undefined) ?? served;
      stale.failures += 1;
      stale.refreshAt = clock.now() + jittered(Math.min(tuning.backoffMs * 2 ** (stale.failures - 1), tuning.backoffMaxMs), tuning.jitter);
      await store.unlock(key, lock);
    } finally {
      refreshes.delete(key);
    }
  }

  return {
    async read<T extends object>(row: TimedRow, key: string, load: () => Promise<T>): Promise<TimedAnswer<T>> {
      const entry = memory.get(key) as Entry | undefined;
      let answer: TimedAnswer<object>;
      if (entry && isServable(row, entry)) {
        answer = serve(row, key, entry, load, 'memory');
      } else {
        const flight = flights.get(key);
        if (flight) answer = { value: (await flight).value, outcome: 'collapsed' };
        else {
          const mine = miss(row, key, load).finally(() => flights.delete(key));
          flights.set(key, mine);
          answer = await mine;
        }
      }
      counters(row).count(answer.outcome);
      return answer as TimedAnswer<T>;
    },
  };
}

function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
