import type { Clock } from './clock.js';
import type { Registered, RegistryLook } from './truth-ports.js';

/** Two machines measure a duration this much apart at most; every wait for another's lease is longer by it. */
export const margin = 1.1;
/** No instance may have a longer lease. */
export const maxLeaseMs = 5000;
/** How long a life of the database must be known before the registry alone tells who may still hold a lease. */
export const settleMs = margin * maxLeaseMs;
/** A beat that stands still for so long belongs to a process that is gone. */
const goneMs = 1.65 * maxLeaseMs;

/** What this process has seen of the others, and since when. */
export interface Registry {
  /** Takes in a look at the registry, in the turn in which its reply arrives. */
  observe(look: RegistryLook): void;
  /** Monotonic ms since which the beat of this look is known to stand; undefined where it is news. Records of another pair are void. */
  standsSince(pair: string, instance: Registered): number | undefined;
  /** How long a write armed under this pair has to wait before the registry can be believed, 0 where it can; undefined where the pair is over. */
  settlesIn(pair: string): number | undefined;
  /** The pair, where it has been known for long enough to be written down as settled and is not yet. */
  toSettle(): string | undefined;
  /** Instances whose beat has stood still for too long. */
  gone(): { id: string; beat: number }[];
}

export function createRegistry(clock: Clock): Registry {
  let pair: string | undefined;
  let knownSince = 0;
  let isSettled = false;
  let beats = new Map<string, { beat: number; since: number }>();

  return {
    observe(look) {
      const now = clock.now();
      if (look.pair !== pair) {
        pair = look.pair;
        knownSince = now;
        isSettled = false;
        beats = new Map();
      }
      isSettled ||= look.isSettled;
      const seen = new Map<string, { beat: number; since: number }>();
      for (const { id, beat } of look.instances) {
        const known = beats.get(id);
        seen.set(id, known?.beat === beat ? known : { beat, since: now });
      }
      beats = seen;
    },
    standsSince(of, { id, beat }) {
      const known = of === pair ? beats.get(id) : undefined;
      return known?.beat === beat ? known.since : undefined;
    },
    settlesIn(of) {
      if (of !== pair) return undefined;
      return isSettled ? 0 : Math.max(0, knownSince + settleMs - clock.now());
    },
    toSettle: () => (pair !== undefined && !isSettled && clock.now() - knownSince >= settleMs ? pair : undefined),
    gone: () => [...beats].filter(([, { since }]) => clock.now() - since >= goneMs).map(([id, { beat }]) => ({ id, beat })),
  };
}
