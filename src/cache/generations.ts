import { type Clock, nextTurn } from './clock.js';
import { generationKey } from './keys.js';
import { type Listing, tuning } from './policies.js';
import { down, type RedisStore } from './redis-store.js';

const fields = ['membership', 'price', 'stock'] as const satisfies readonly Listing[];

/** Where numbers begin in a Redis that has none: above all it ever had, unless it was raised more than a thousand times in every millisecond. */
const start = () => 1000 * Date.now();

/**
 * Generations drop many cached pages at once: the numbers are part of a page's key, so raising one (one INCR) makes every page that depends
 * on it unreachable, without KEYS or SCAN. Instances learn of a raise when they next ask, at most `generationMs` later. While Redis is away the
 * raises are counted here, so that this instance drops its pages at once, and are handed over when Redis is back.
 */
export interface Generations {
  /**
   * The part of the key for a page that depends on these. Waits for Redis only where the last answer is older than `generationMs`, or one of these
   * is being raised: so whoever asks after a raise has begun is not led to a page from before it.
   */
  of(depends: readonly Listing[]): Promise<string>;
  /** Never throws. */
  raise(drops: readonly Listing[]): Promise<void>;
}

export function createGenerations(options: { store: RedisStore; clock: Clock; catalogId: string }): Generations {
  const { store, clock } = options;
  const key = generationKey(options.catalogId);
  // Until Redis has told its numbers, one of our own that Redis never tells and no other start of an instance shares.
  const known = new Map<Listing, number>(fields.map((field) => [field, -Date.now()]));
  const owed = new Map<Listing, number>(fields.map((field) => [field, 0]));
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<boolean> | undefined;
  let raises = 0;
  let told = 0;
  /** The raises that are under way. */
  const raising = new Map<Listing, Promise<unknown>>();

  /** Raises and learns the numbers in one step. False where Redis did not tell: it may have raised them or not. */
  async function raiseBy(by: ReadonlyMap<Listing, number>): Promise<boolean> {
    const sentAt = clock.now();
    raises += 1;
    const mine = raises;
    const values = await store.raise(
      key,
      fields.map((field) => [field, by.get(field) ?? 0]),
      start(),
    );
    if (values === down) return false;
    askedAt = Math.max(askedAt, sentAt);
    // As they are told, and not the highest: a Redis that has failed over to an older copy counts on from lower numbers. Raises are answered in
    // the order in which they were sent.
    if (mine > told) for (const [i, field] of fields.entries()) known.set(field, values[i] ?? 0);
    told = Math.max(told, mine);
    return true;
  }

  async function raiseOrOwe(drops: readonly Listing[]): Promise<void> {
    // Whoever asks from now on waits for it, so that it may be sent when the answer of the write is on its way.
    await nextTurn(clock);
    if (await raiseBy(new Map(drops.map((field) => [field, 1])))) return;
    // Raised or not, this instance has not seen it happen. To raise once too often costs a fill, nothing else.
    for (const field of drops) owed.set(field, (owed.get(field) ?? 0) + 1);
  }

  /** Hands over what is owed, or asks for the numbers; false where Redis did not tell them. */
  async function learn(): Promise<boolean> {
    const handed = new Map(owed);
    const sentAt = clock.now();
    if ([...handed.values()].some((by) => by > 0)) {
      const isTold = await raiseBy(handed);
      // In one turn: with the debt gone and the new number not known yet, keys would name the pages from before the raise again.
      if (isTold) for (const field of fields) owed.set(field, (owed.get(field) ?? 0) - (handed.get(field) ?? 0));
      askedAt = sentAt;
      return isTold;
    }
    const before = raises;
    const values = await store.generations(key, fields, start());
    askedAt = sentAt;
    if (values === down) return false;
    // A raise that was sent meanwhile brings its own numbers; these may be from before it.
    if (before === raises) for (const [i, field] of fields.entries()) known.set(field, values[i] ?? 0);
    return true;
  }

  function refresh(): Promise<boolean> {
    asking ??= learn().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  return {
    async of(depends) {
      await Promise.all(depends.flatMap((field) => raising.get(field) ?? []));
      if (clock.now() - askedAt > tuning.generationMs) await refresh();
      return [...depends]
        .sort()
        .map((field) => `${field}${known.get(field)}.${owed.get(field)}`)
        .join();
    },
    async raise(drops) {
      if (drops.length === 0) return;
      const mine = Promise.all([...drops.map((field) => raising.get(field)), raiseOrOwe(drops)]);
      for (const field of drops) raising.set(field, mine);
      try {
        await mine;
      } finally {
        for (const field of drops) if (raising.get(field) === mine) raising.delete(field);
      }
    },
  };
}
