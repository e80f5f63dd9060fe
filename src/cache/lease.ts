import type { Clock } from './clock.js';
import type { Look } from './truth-ports.js';

/** The turn in which a question to Postgres was sent, as far as what may be installed of its answer depends on it. */
export interface Mark {
  readonly sequence: number;
  readonly epoch: number;
}

/**
 * The permission to answer from memory without asking, and the exceptions to it. No I/O, no promise: every rule here is one turn of the
 * event loop. Keys are lookups, `id:<uuid>` or `slug:<slug>`, or `*` for all of them.
 */
export interface Lease {
  /** Rises whenever everything in memory ceases to be believed. Entries are believed only in the epoch they were installed in. */
  epoch(): number;
  isHeld(now?: number): boolean;
  isBlocked(key: string): boolean;
  /** R1, without the entry: the lease is held and the key is not blocked. `now` spares a look at the clock. */
  mayHit(key: string, now?: number): boolean;
  /** To be taken in the turn in which a question is sent. */
  mark(): Mark;
  /** R3: whether the answer to a question sent at `mark` may enter memory under this key, to be hit. */
  mayInstall(key: string, mark: Mark): boolean;
  /** Apply. `isOwn`: a write of this process, which then is released by it alone, until it is disowned. */
  apply(token: string, keys: readonly string[], isOwn?: boolean): void;
  /** Release by notice. A write of this process is released by itself. */
  release(token: string): void;
  /**
   * Release by the process that wrote. True where nothing else has touched the keys since they were blocked and the lease was held all the
   * time: what the write made may then be installed, in this very turn.
   */
  releaseOwn(token: string): boolean;
  /** The process that wrote cannot tell what became of its write: from now on it is released like any other. */
  disown(token: string): void;
  /** The place in the order of blocks at which a renewal begins (N1). */
  begin(): Beginning;
  /** N3 to N6, in one turn. Gives the tokens that were applied, each with who waits for the ack. */
  renewed(beginning: Beginning, look: Pick<Look, 'blocks' | 'pair'>): { token: string; writer: string }[];
  /** Gives the lease up for good, before the registry says so. */
  drop(): void;
  counts(): LeaseCounts;
}

export interface LeaseCounts {
  /** Part of the time since the start for which the lease was held, 0 to 1, up to the last renewal. */
  heldRatio: number;
  /** Renewals that found the lease run out. */
  lapses: number;
  /** Blocks that were applied. */
  applied: number;
  /** What stands now. */
  blocks: number;
  blockedKeys: number;
  /** How often everything in memory has ceased to be believed. */
  epochChanges: number;
}

export interface Beginning {
  readonly sentAt: number;
  readonly wallAt: number;
  readonly order: number;
}

interface Block {
  keys: readonly string[];
  /** Its place in the order in which blocks became known here. */
  order: number;
  isOwn: boolean;
  /** Sequence and epoch after it was applied. */
  mark: Mark;
}

/** Stamps of single keys that are kept; beyond that all keys count as touched, which costs fills and nothing else. */
const maxStamps = 20_000;

/** Renewals forget released tokens; while there are none, so many are kept. */
const maxReleased = 10_000;

/**
 * @param leaseMs L: how long one renewal lasts, from the moment it was sent
 * @param forget drops what memory holds under a key, and all that was derived from it
 */
export function createLease(options: { clock: Clock; leaseMs: number; forget: (key: string) => void }): Lease {
  const { clock, leaseMs, forget } = options;
  const tokens = new Map<string, Block>();
  const blockers = new Map<string, number>();
  const stamps = new Map<string, number>();
  /** Tokens that were released, with the renewals for which that is remembered. */
  const released = new Map<string, number>();
  let leaseUntil = Number.NEGATIVE_INFINITY;
  let wallUntil = Number.NEGATIVE_INFINITY;
  let epoch = 1;
  let sequence = 0;
  let floor = 0;
  let order = 0;
  let pair: string | undefined;
  let isDropped = false;
  const startedAt = clock.now();
  const counts = { heldMs: 0, lapses: 0, applied: 0 };
  let grantedAt = startedAt;

  const isHeld = (now = clock.now()) => now < leaseUntil && clock.wall() < wallUntil;
  const isBlocked = (key: string) => blockers.size > 0 && (blockers.has(key) || blockers.has('*'));
  const touched = (key: string) => Math.max(floor, stamps.get(key) ?? 0, stamps.get('*') ?? 0);

  function stamp(key: string) {
    if (stamps.size >= maxStamps) {
      stamps.clear();
      floor = sequence;
    }
    stamps.set(key, sequence);
  }

  // Apply
  function apply(token: string, keys: readonly string[], isOwn = false) {
    const known = tokens.get(token);
    if (known) known.isOwn ||= isOwn;
    if (known || released.has(token)) return;
    sequence += 1;
    order += 1;
    for (const key of keys) {
      blockers.set(key, (blockers.get(key) ?? 0) + 1);
      stamp(key);
      if (key === '*') epoch += 1;
      else forget(key);
    }
    counts.applied += 1;
    tokens.set(token, { keys, order, isOwn, mark: { sequence, epoch } });
  }

  function remember(token: string) {
    const [oldest] = released.keys();
    if (oldest !== undefined && released.size >= maxReleased) released.delete(oldest);
    released.set(token, 2);
  }

  // Release
  function free(token: string, block: Block) {
    tokens.delete(token);
    remember(token);
    sequence += 1;
    for (const key of block.keys) {
      const left = (blockers.get(key) ?? 1) - 1;
      if (left === 0) blockers.delete(key);
      else blockers.set(key, left);
      stamp(key);
    }
  }

  return {
    epoch: () => epoch,
    isHeld,
    isBlocked,
    mayHit: (key, now) => isHeld(now) && !isBlocked(key),
    mark: () => ({ sequence, epoch }),
    mayInstall: (key, mark) => mark.epoch === epoch && touched(key) <= mark.sequence && isHeld() && !isBlocked(key),
    apply,

    release(token) {
      const block = tokens.get(token);
      if (block && !block.isOwn) free(token, block);
      // A notice that is overtaken by the one of its release must not block for nothing.
      else if (!block) remember(token);
    },

    releaseOwn(token) {
      const block = tokens.get(token);
      if (!block) return false;
      const isUntouched = block.mark.epoch === epoch && isHeld() && block.keys.every((key) => touched(key) <= block.mark.sequence);
      free(token, block);
      return isUntouched && block.keys.every((key) => !isBlocked(key));
    },

    disown(token) {
      const block = tokens.get(token);
      if (block) block.isOwn = false;
    },

    begin: () => ({ sentAt: clock.now(), wallAt: clock.wall(), order }),

    renewed({ sentAt, wallAt, order: knownBefore }, look) {
      const applied: { token: string; writer: string }[] = [];
      // N3: blocks whose notice was lost or is late.
      for (const { token, writer, keys } of look.blocks) {
        if (tokens.has(token) || released.has(token)) continue;
        apply(token, keys);
        applied.push({ token, writer });
      }
      // N4: a token that became known after the beginning may be younger than what was read, so its absence says nothing.
      const standing = new Set(look.blocks.map(({ token }) => token));
      // One of this process is left to it, as its notice is: between the commit and its answer a renewal may find the blocks gone.
      for (const [token, block] of tokens) if (!block.isOwn && block.order <= knownBefore && !standing.has(token)) free(token, block);
      for (const [token, left] of released) {
        if (left > 0) released.set(token, left - 1);
        else released.delete(token);
      }
      // N5: while the lease was not held, blocks may have come and gone unseen; in another life of the database anything may have.
      if (!isHeld() || pair !== look.pair) epoch += 1;
      if (!isHeld() && pair !== undefined) counts.lapses += 1;
      pair = look.pair;
      // N6: from the moment it was sent, which is before the beat that a writer sees.
      if (isDropped) return applied;
      const now = clock.now();
      counts.heldMs += Math.max(0, Math.min(now, leaseUntil) - grantedAt);
      grantedAt = now;
      leaseUntil = sentAt + leaseMs;
      wallUntil = wallAt + leaseMs;
      return applied;
    },

    drop() {
      isDropped = true;
      leaseUntil = Number.NEGATIVE_INFINITY;
    },
    counts: () => ({
      heldRatio: grantedAt === startedAt ? 0 : counts.heldMs / (grantedAt - startedAt),
      lapses: counts.lapses,
      applied: counts.applied,
      blocks: tokens.size,
      blockedKeys: blockers.size,
      epochChanges: epoch - 1,
    }),
  };
}
