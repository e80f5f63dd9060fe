import type { Emit } from './checker.js';
import { commit, nameOf, tokenOf } from './postgres.js';
import { putIntoRedis } from './reader.js';
import type { World } from './sabotage.js';
import {
  armedUp,
  clone,
  committed,
  inFlight,
  listed,
  loggedFirst,
  notSent,
  open,
  refused,
  type State,
  succeeded,
  unknown,
  type Writer,
  writing,
} from './state.js';

/** W4 to W7 of every writer. B goes its own way in Postgres, whether its writer lives or not. */
export function writingSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const noFence = world.breaks('no-fence');
  const noPairCheck = world.breaks('no-pair-check');
  const asyncWrite = world.breaks('async-write');
  const releaseBeforeCommit = world.breaks('release-before-commit');
  const logBeforeDelete = world.breaks('log-before-delete');
  const commitBeforeReaders = world.breaks('commit-before-readers');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    s.writers.forEach((from, w) => {
      const token = tokenOf(world, w, from.writes);
      transact(w, from, token);
      conclude(w, from, token);
    });
  };

  function step(w: number, rule: string, change: (n: State, own: Writer) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.writers[w] as Writer);
    emit(`w${w}`, rule, n, broken);
  }

  function transact(w: number, from: Writer, token: number) {
    const isLocked = s.writers.some((rival) => rival.transaction === open);
    const isBeforeCommit = from.phase === listed || from.phase === armedUp;
    if (from.transaction === inFlight && !isLocked) {
      const mayBegin = (s.now.blocks & token || noFence || releaseBeforeCommit) && (s.pair === from.pair || noPairCheck);
      if (!mayBegin) {
        step(w, 'B fails: begin_write finds its rows gone, or the pair is another', (_n, own) => {
          own.transaction = notSent;
          if (own.phase === writing || isBeforeCommit) own.phase = refused;
        });
      } else if (bounds.hasUnknown || isBeforeCommit) {
        step(w, 'B: begin_write', (_n, own) => {
          own.transaction = open;
        });
      } else step(w, 'B: begin_write, COMMIT', (n, own) => commitB(n, own, token));
    }
    if (from.transaction === open) {
      if (!isBeforeCommit || commitBeforeReaders) {
        step(w, 'B: COMMIT', (n, own) => {
          if (isBeforeCommit) own.phase = writing;
          return commitB(n, own, token);
        });
      }
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
    if (from.phase === writing && from.transaction === committed && bounds.hasAnswers)
      step(w, 'W6 acknowledges', (n, own) => acknowledge(n, own, token));
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
