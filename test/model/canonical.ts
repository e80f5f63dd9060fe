import { tokenOf } from './postgres.js';
import type { World } from './sabotage.js';
import {
  armedUp,
  asking,
  beaten,
  committed,
  dead,
  free,
  type Instance,
  inFlight,
  listed,
  listedFirst,
  nibble,
  notSent,
  open,
  type Reader,
  refused,
  resting,
  type State,
  succeeded,
  told,
  type Writer,
  withNibble,
} from './state.js';

/**
 * Makes states equal that no later step can tell apart, in place: what nobody will read again becomes 0, beats (which are only compared for
 * equality) are numbered anew, readers stand in one order. Without it the counters would make the state space infinite.
 */
export function createCanonical(world: World): (s: State) => State {
  const { bounds } = world;
  const keepsMemoryUnleased = bounds.hasLoads || world.breaks('memory-outlives-lapse') || world.breaks('hit-without-lease');

  return (s) => {
    const canCrash = s.crashesLeft > 0;
    if (!canCrash) {
      s.flushed = { value: 0, blocks: 0, log: 0, beats: 0, settled: 0 };
      s.acknowledged = 0;
    }
    s.writers.forEach((w, i) => forgetWriter(s, w, tokenOf(world, i, w.writes), canCrash, i));
    for (const i of s.instances) forgetInstance(i);
    for (const r of s.readers) forgetReader(r);
    const awaited = s.writers.reduce((mask, w, i) => (isBeforeDecision(w) ? mask | tokenOf(world, i, w.writes) : mask), 0);
    for (const i of s.instances) i.acked &= awaited;
    const released = s.instances.reduce((mask, i) => mask & i.released, 15);
    s.armed &= ~released;
    s.freed &= ~released;
    renumberBeats(s);
    if (s.readers.length > 1) s.readers.sort((a, b) => keyOf(a) - keyOf(b));
    return s;
  };

  function forgetWriter(s: State, w: Writer, token: number, canCrash: boolean, i: number) {
    if (!isBeforeDecision(w)) {
      w.sinceArm = 0;
      w.needed = 0;
      w.isSettled = 0;
      if (w.transaction !== inFlight) w.pair = 0;
    }
    const isOver = w.phase === succeeded || w.phase === refused || w.phase === dead;
    if (isOver && w.transaction === committed && (!bounds.hasRedis || w.phase === dead)) {
      w.transaction = notSent;
      w.value = 0;
    }
    const hasMore = w.writes < (bounds.writes[i] as number);
    if (w.phase === dead || (isOver && !hasMore) || (!isBeforeDecision(w) && !isOver && !hasMore && w.writes > 0)) {
      w.beats = 0;
      w.beatTicks = 0;
      if (!bounds.hasSettled || w.phase === dead) {
        w.knownPair = 0;
        w.knownTicks = 0;
      }
    }
    if (w.phase === dead) w.writes = w.transaction === notSent ? 1 : w.writes;
    if (isOver && w.transaction !== inFlight && w.transaction !== open) {
      s.revoked &= ~token;
      if (!canCrash) s.now.log &= ~token;
    }
  }

  function forgetReader(r: Reader) {
    if (r.phase === free) Object.assign(r, { instance: 0, floor: 0, isOutdated: 0, version: 0, label: 0, body: 0 });
    if (r.phase === asking) r.version = 0;
    if (r.phase === asking || r.phase === told) {
      r.label = 0;
      r.body = 0;
    }
  }

  function forgetInstance(i: Instance) {
    if (i.renewal === resting) {
      i.sinceSend = 0;
      i.knownBefore = 0;
    }
    if (i.renewal === resting || i.renewal === beaten) {
      i.replyBlocks = 0;
      i.replyPair = 0;
    }
    i.knownBefore &= i.blocked;
    i.replyBlocks &= ~i.released;
    if (i.lease === 0 && !keepsMemoryUnleased) {
      i.memory = 0;
      i.body = 0;
    }
  }
}

/** A record of a beat that the database does not hold, and cannot fall back to, never compares equal again. */
function renumberBeats(s: State) {
  for (let i = 0; i < s.instances.length; i++) {
    const now = nibble(s.now.beats, i);
    const old = nibble(s.flushed.beats, i);
    s.now.beats = withNibble(s.now.beats, i, renamed(now, now, old));
    s.flushed.beats = withNibble(s.flushed.beats, i, renamed(old, now, old));
    const watched = renamed(nibble(s.watchedBeats, i), now, old);
    s.watchedBeats = withNibble(s.watchedBeats, i, watched);
    if (watched === 0) s.watchedTicks = withNibble(s.watchedTicks, i, 0);
    for (const w of s.writers) {
      const seen = renamed(nibble(w.beats, i), now, old);
      w.beats = withNibble(w.beats, i, seen);
      if (seen === 0) w.beatTicks = withNibble(w.beatTicks, i, 0);
    }
  }
}

const renamed = (beat: number, now: number, old: number) => (beat === 0 ? 0 : beat === now ? 1 : beat === old ? 2 : 0);

function keyOf(r: Reader): number {
  return ((((r.phase * 16 + r.instance) * 16 + r.floor) * 2 + r.isOutdated) * 16 + r.version) * 256 + r.label * 16 + r.body;
}

const isBeforeDecision = (w: Writer) => w.phase === armedUp || w.phase === listed || w.phase === listedFirst;
