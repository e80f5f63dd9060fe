import type { Emit } from './checker.js';
import { commit, nameOf, tokenOf } from './postgres.js';
import type { World } from './sabotage.js';
import {
  armedUp,
  clone,
  dead,
  idle,
  inFlight,
  listed,
  listedFirst,
  nibble,
  notSent,
  open,
  refused,
  type State,
  succeeded,
  type Writer,
  withNibble,
  writing,
} from './state.js';

/** W1 to W3 of every writer, and what its process knows of the pair and the registry. */
export function armingSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const noWait = world.breaks('no-wait');
  const waitTicks = bounds.waitTicks - (world.breaks('wait-without-margin') ? 1 : 0);
  const beatBeforeArm = world.breaks('beat-before-arm');
  const recordsOutlivePair = world.breaks('records-outlive-pair');
  const noSettleWait = world.breaks('no-settle-wait');
  const settlesPairOfTheMoment = world.breaks('settled-pair-of-the-moment');
  const releaseBeforeCommit = world.breaks('release-before-commit');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    s.writers.forEach((from, w) => {
      prepare(w, from);
      decide(w, from, tokenOf(world, w, from.writes));
    });
  };

  function step(w: number, rule: string, change: (n: State, own: Writer) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.writers[w] as Writer);
    emit(`w${w}`, rule, n, broken);
  }

  function prepare(w: number, from: Writer) {
    const isOver = from.phase === succeeded || (from.phase === refused && from.transaction !== inFlight && from.transaction !== open);
    const isBetween = from.phase === idle || isOver;
    if (isBetween && from.writes < (bounds.writes[w] as number)) {
      const token = tokenOf(world, w, from.writes + 1);
      if (beatBeforeArm) {
        step(w, 'W2 reads the registry before A', (n, own) => {
          own.writes += 1;
          list(n, own, listedFirst);
        });
      } else {
        step(w, `W1 arms token ${nameOf(token)}`, (n, own) => {
          own.writes += 1;
          arm(n, own, token, armedUp);
        });
      }
      if (bounds.hasNotes) {
        step(w, 'reads the registry and the pair', (n, own) => {
          learn(n, own);
          record(n, own);
        });
      }
    }
    if (from.phase === listedFirst) {
      const token = tokenOf(world, w, from.writes);
      step(w, `W1 arms token ${nameOf(token)}`, (n, own) => arm(n, own, token, listed));
    }
    if (from.phase === armedUp) step(w, 'W2 reads the registry and the pair', (n, own) => list(n, own, listed));
    if (
      bounds.hasSettled &&
      from.phase !== dead &&
      from.knownTicks >= bounds.waitTicks &&
      s.now.settled !== (settlesPairOfTheMoment ? s.pair + 1 : from.knownPair)
    ) {
      step(w, 'records the pair it knows as settled', (n, own) => {
        n.now.settled = settlesPairOfTheMoment ? n.pair + 1 : own.knownPair;
        commit(n, world, false);
      });
    }
    const isMidway = from.phase !== dead && !isBetween;
    if (bounds.hasDeaths && isMidway) {
      step(w, 'dies', (_n, own) => {
        // Of a B that was begun early no COMMIT was sent.
        if (own.phase === listed || own.phase === armedUp) own.transaction = notSent;
        own.phase = dead;
      });
    }
  }

  function arm(n: State, own: Writer, token: number, phase: number): undefined {
    learn(n, own);
    own.phase = phase;
    own.pair = n.pair;
    own.sinceArm = 0;
    own.transaction = notSent;
    n.armed |= token;
    n.now.blocks |= token;
    commit(n, world, false);
  }

  function list(n: State, own: Writer, phase: number): undefined {
    learn(n, own);
    record(n, own);
    own.phase = phase;
    own.needed = n.instances.reduce((mask, _, i) => (nibble(n.now.beats, i) > 0 ? mask | (1 << i) : mask), 0);
    own.isSettled = n.now.settled === n.pair + 1 ? 1 : 0;
  }

  /** Records of beats are void on a new pair, and the process has not known it for any time. */
  function learn(n: State, own: Writer) {
    if (own.knownPair === n.pair + 1) return;
    own.knownPair = n.pair + 1;
    own.knownTicks = 0;
    if (recordsOutlivePair) return;
    own.beats = 0;
    own.beatTicks = 0;
  }

  function record(n: State, own: Writer) {
    for (let i = 0; i < n.instances.length; i++) {
      const beat = nibble(n.now.beats, i);
      if (nibble(own.beats, i) === beat) continue;
      own.beats = withNibble(own.beats, i, beat);
      own.beatTicks = withNibble(own.beatTicks, i, 0);
    }
  }

  function decide(w: number, from: Writer, token: number) {
    // It may go with what arms it, before the registry is read.
    if ((from.phase === listed || from.phase === armedUp) && bounds.isEager && from.transaction === notSent) {
      step(w, 'W4 sends B early, but for COMMIT', (_n, own) => {
        own.transaction = inFlight;
      });
    }
    if (from.phase === listed && mayPass(from, token)) {
      step(w, 'W3 is satisfied, W4 sends B', (n, own) => {
        own.phase = writing;
        if (own.transaction === notSent) own.transaction = inFlight;
        if (!releaseBeforeCommit) return;
        n.now.blocks &= ~token;
        n.freed |= token;
      });
    }
  }

  function mayPass(from: Writer, token: number): boolean {
    if (noWait) return true;
    if (from.knownTicks < waitTicks && from.isSettled === 0 && !noSettleWait) return false;
    if (from.sinceArm >= waitTicks) return true;
    return s.instances.every((i, at) => !(from.needed & (1 << at)) || i.acked & token || nibble(from.beatTicks, at) >= waitTicks);
  }
}
