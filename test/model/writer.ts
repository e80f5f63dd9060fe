import type { Emit } from './checker.js';
import { commit, nameOf, tokenOf } from './postgres.js';
import { putIntoRedis } from './reader.js';
import type { World } from './sabotage.js';
import {
  armedUp,
  clone,
  committed,
  dead,
  idle,
  inFlight,
  listed,
  listedFirst,
  loggedFirst,
  nibble,
  notSent,
  open,
  refused,
  type State,
  succeeded,
  unknown,
  type Writer,
  withNibble,
  writing,
} from './state.js';

/** W1 to W7 of every writer, and what a writer's process knows of the pair and the registry. */
export function writerSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const noWait = world.breaks('no-wait');
  const waitTicks = bounds.waitTicks - (world.breaks('wait-without-margin') ? 1 : 0);
  const beatBeforeArm = world.breaks('beat-before-arm');
  const recordsOutlivePair = world.breaks('records-outlive-pair');
  const noFence = world.breaks('no-fence');
  const noPairCheck = world.breaks('no-pair-check');
  const noSettleWait = world.breaks('no-settle-wait');
  const settlesPairOfTheMoment = world.breaks('settled-pair-of-the-moment');
  const asyncWrite = world.breaks('async-write');
  const releaseBeforeCommit = world.breaks('release-before-commit');
  const logBeforeDelete = world.breaks('log-before-delete');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    s.writers.forEach((from, w) => {
      const token = tokenOf(world, w, from.writes);
      prepare(w, from);
      transact(w, from, token);
      conclude(w, from, token);
    });
  };

  function step(w: number, rule: string, change: (n: State, own: Writer) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.writers[w] as Writer);
    emit(`w${w}`, rule, n, broken);
  }

  function prepare(w: number, from: Writer) {
    const isBetween = from.phase === idle || from.phase === succeeded || from.phase === refused;
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

  function mayPass(from: Writer, token: number): boolean {
    if (noWait) return true;
    if (from.knownTicks < waitTicks && from.isSettled === 0 && !noSettleWait) return false;
    if (from.sinceArm >= waitTicks) return true;
    return s.instances.every((i, at) => !(from.needed & (1 << at)) || i.acked & token || nibble(from.beatTicks, at) >= waitTicks);
  }

  function transact(w: number, from: Writer, token: number) {
    if (from.phase === listed && mayPass(from, token)) {
      step(w, 'W3 is satisfied, W4 sends B', (n, own) => {
        own.phase = writing;
        own.transaction = inFlight;
        if (!releaseBeforeCommit) return;
        n.now.blocks &= ~token;
        n.freed |= token;
      });
    }
    const isLocked = s.writers.some((rival) => rival.transaction === open);
    if (from.transaction === inFlight && !isLocked) {
      const mayBegin = (s.now.blocks & token || noFence || releaseBeforeCommit) && (s.pair === from.pair || noPairCheck);
      if (!mayBegin) {
        step(w, 'B fails: begin_write finds its rows gone, or the pair is another', (_n, own) => {
          own.transaction = notSent;
          if (own.phase === writing) own.phase = refused;
        });
      } else if (bounds.hasUnknown) {
        step(w, 'B: begin_write', (_n, own) => {
          own.transaction = open;
        });
      } else step(w, 'B: begin_write, COMMIT', (n, own) => commitB(n, own, token));
    }
    if (from.transaction === open) {
      step(w, 'B: COMMIT', (n, own) => commitB(n, own, token));
      step(w, 'B is rolled back', (_n, own) => {
        own.transaction = notSent;
      });
    }
    if (from.transaction === committed && bounds.hasRedis && s.redisLabel !== from.value + 1) {
      step(w, 'W5 puts the document into Redis', (n, own) => {
        putIntoRedis(n, own.value, own.value);
        return undefined;
      });
    }
  }

  function commitB(n: State, own: Writer, token: number): string | undefined {
    n.top += 1;
    own.value = n.top;
    own.transaction = committed;
    n.now.value = n.top;
    n.now.log |= token;
    n.now.blocks &= ~token;
    n.freed |= token;
    commit(n, world, !asyncWrite);
    return n.revoked & token && !bounds.checksReadsOnly ? `B of token ${nameOf(token)} commits although its block was deleted` : undefined;
  }

  function conclude(w: number, from: Writer, token: number) {
    if (from.phase === writing && from.transaction === committed) step(w, 'W6 acknowledges', (n, own) => acknowledge(n, own, token));
    if (from.phase === writing && (bounds.hasUnknown || from.transaction === notSent)) {
      step(w, 'does not hear from B', (_n, own) => {
        own.phase = unknown;
      });
    }
    // The delete waits for the row locks of a B that is open.
    const mayDelete = from.transaction !== open;
    if (from.phase === unknown && logBeforeDelete && !(s.now.log & token)) {
      step(w, 'W7 reads write_log first: absent', (_n, own) => {
        own.phase = loggedFirst;
      });
    } else if (from.phase === unknown && mayDelete) {
      step(w, 'W7 deletes the rows of its token, then reads write_log', (n, own) => {
        withdraw(n, token);
        if (n.now.log & token) return acknowledge(n, own, token);
        own.phase = refused;
        return undefined;
      });
    }
    if (from.phase === loggedFirst && mayDelete) {
      step(w, 'W7 deletes the rows of its token, answers 503', (n, own) => {
        withdraw(n, token);
        own.phase = refused;
        return n.now.log & token ? `token ${nameOf(token)} is committed although its write was refused for good` : undefined;
      });
    }
  }

  function withdraw(n: State, token: number) {
    n.now.blocks &= ~token;
    if (!(n.now.log & token)) n.revoked |= token;
    n.freed |= token;
    commit(n, world, false);
  }

  function acknowledge(n: State, own: Writer, token: number): string | undefined {
    own.phase = succeeded;
    n.acknowledged |= token;
    if (n.now.log & token) n.floor = Math.max(n.floor, own.value);
    // A value lost in a failover raises nothing: that it is acknowledged is what A1 excludes.
    else if (bounds.crash !== 'failover') return `token ${nameOf(token)} is acknowledged although a crash has undone it`;
    return undefined;
  }
}
