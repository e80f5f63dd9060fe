import type { Emit } from './checker.js';
import type { World } from './sabotage.js';
import {
  answered,
  asking,
  clone,
  type Database,
  free,
  inFlight,
  isLost,
  nibble,
  notSent,
  open,
  resting,
  type State,
  tearing,
  withNibble,
} from './state.js';

/** A beat, or a row, that nobody has seen. Canonical states number beats anew. */
export const freshBeat = 15;

/** Makes what `n.now` says durable where the commit is synchronous; else a crash may lose it. */
export function commit(n: State, world: World, isSynchronous: boolean) {
  if (isSynchronous && world.bounds.crash !== 'failover') n.flushed = { ...n.now };
}

/** What happens to Postgres by itself: the WAL writer, the reaper, the tidying of the registry, crashes. */
export function postgresSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const asyncReaper = world.breaks('async-reaper');
  const tidyTicks = world.breaks('early-tidying') ? 1 : bounds.waitTicks;

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    if (s.crashesLeft > 0 && differs(s.now, s.flushed)) {
      const n = clone(s);
      n.flushed = { ...n.now };
      emit('pg', bounds.crash === 'failover' ? 'the standby catches up' : 'the WAL is flushed', n);
    }
    if (bounds.hasReaper) reap(s);
    if (bounds.hasTidying) tidy(s);
    if (s.crashesLeft > 0) crash(s);
  };

  function reap(from: State) {
    const locked = from.writers.reduce((mask, w, i) => (w.transaction === open ? mask | tokenOf(world, i, w.writes) : mask), 0);
    for (let token = 1; token <= from.now.blocks; token <<= 1) {
      if ((from.now.blocks & token & ~locked) === 0) continue;
      const n = clone(from);
      n.now.blocks &= ~token;
      n.revoked |= token;
      n.freed |= token;
      commit(n, world, !asyncReaper);
      emit('reaper', `deletes token ${nameOf(token)}`, n);
    }
  }

  function tidy(from: State) {
    for (let i = 0; i < from.instances.length; i++) {
      const beat = nibble(from.now.beats, i);
      if (beat === 0) continue;
      const n = clone(from);
      if (nibble(from.watchedBeats, i) !== beat) {
        n.watchedBeats = withNibble(n.watchedBeats, i, beat);
        n.watchedTicks = withNibble(n.watchedTicks, i, 0);
        emit('tidier', `sees the beat of i${i}`, n);
      } else if (nibble(from.watchedTicks, i) >= tidyTicks) {
        n.now.beats = withNibble(n.now.beats, i, 0);
        commit(n, world, false);
        emit('tidier', `deletes the row of i${i}, its beat unchanged`, n);
      }
    }
  }

  /** Every session ends. What Postgres had sent before may still arrive. */
  function crash(from: State) {
    const n = clone(from);
    n.crashesLeft -= 1;
    n.now = { ...n.flushed };
    for (const i of n.instances) if (i.renewal !== answered) i.renewal = resting;
    for (const r of n.readers) if (r.phase === asking || r.phase === tearing) r.phase = free;
    for (const w of n.writers) if (w.transaction === inFlight || w.transaction === open) w.transaction = notSent;
    if (bounds.crash !== 'backend') n.pair += 1;
    if (bounds.crash === 'failover' && n.now.value < n.top) {
      for (let v = n.now.value + 1; v <= n.top; v++) n.lost |= 1 << (v - 1);
      n.floor = Math.min(n.floor, n.now.value);
      for (const r of n.readers) r.floor = Math.min(r.floor, n.now.value);
    }
    const forgotten = n.acknowledged & ~n.now.log;
    const broken = forgotten !== 0 && bounds.crash !== 'failover' ? `an acknowledged write is lost: ${nameOf(forgotten)}` : undefined;
    emit('pg', crashNames[bounds.crash], n, broken);
  }
}

const crashNames = {
  none: '',
  backend: 'a backend dies, all restart under the same postmaster: the pair stays',
  restart: 'restarts: a new pair',
  failover: 'fails over to a standby: a new pair',
};

/** The token of writer `i`'s write number `count`, as a bit. */
export function tokenOf(world: World, i: number, count: number): number {
  let before = 0;
  for (let k = 0; k < i; k++) before += world.bounds.writes[k] as number;
  return 1 << (before + count - 1);
}

const names = Array.from({ length: 16 }, (_, mask) => ['a', 'b', 'c', 'd'].filter((_letter, i) => mask & (1 << i)).join(''));
/** Tokens by their letters. */
export const nameOf = (tokens: number) => names[tokens] as string;

/** What is wrong with returning `value` to a read that began when `floor` stood, if anything; and raises the floor for those that begin later. */
export function returns(n: State, value: number, floor: number): string | undefined {
  if (value < floor) return `a read returns v${value} although v${floor} was acknowledged or returned before it began`;
  if (!isLost(n, value)) n.floor = Math.max(n.floor, value);
  return undefined;
}

function differs(a: Database, b: Database): boolean {
  return a.value !== b.value || a.blocks !== b.blocks || a.log !== b.log || a.beats !== b.beats || a.settled !== b.settled;
}
