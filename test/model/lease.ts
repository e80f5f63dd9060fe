import { createBlocks } from './blocks.js';
import type { Emit } from './checker.js';
import { commit, freshBeat } from './postgres.js';
import type { World } from './sabotage.js';
import { answered, beaten, clone, early, free, type Instance, joined, joining, nibble, outside, resting, type State, withNibble } from './state.js';

/** J and N of every instance. */
export function leaseSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const { apply, release, outdate } = createBlocks(world);
  const renewBeforeJoin = world.breaks('renew-before-join');
  const renewWithoutRow = world.breaks('renew-without-row');
  const asyncJoin = world.breaks('async-join');
  const asyncBeat = world.breaks('async-beat');
  const oneSnapshot = world.breaks('one-snapshot');
  const releaseUnknown = world.breaks('release-unknown');
  const leaseFromReply = world.breaks('lease-from-reply');
  const memoryOutlivesLapse = world.breaks('memory-outlives-lapse');
  const epochOutlivesLapse = world.breaks('epoch-outlives-lapse');
  const memoryOutlivesPair = world.breaks('memory-outlives-pair');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    s.instances.forEach((from, i) => {
      join(i, from);
      renew(i, from);
      if (bounds.hasRestarts && (from.membership !== outside || from.blocked > 0)) restart(i);
    });
  };

  function step(i: number, rule: string, change: (n: State, own: Instance) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.instances[i] as Instance);
    emit(`i${i}`, rule, n, broken);
  }

  function join(i: number, from: Instance) {
    if (bounds.isValidating) return;
    if (from.membership === outside && renewBeforeJoin) {
      step(i, 'J2 sends its row; J3 N1, N2b takes its snapshot before the row is committed', (n, own) => {
        own.membership = joining;
        ask(n, own);
        own.renewal = answered;
      });
    } else if (from.membership !== joined) {
      step(i, 'J2 commits its row', (n, own) => {
        own.membership = joined;
        n.now.beats = withNibble(n.now.beats, i, freshBeat);
        commit(n, world, !asyncJoin);
      });
    }
  }

  function renew(i: number, from: Instance) {
    const hasRow = nibble(s.now.beats, i) !== 0;
    if (from.renewal === resting && from.membership === joined) {
      if (!hasRow && !renewWithoutRow) {
        step(i, 'N2a updates no row: it must join again', (_n, own) => {
          own.membership = outside;
        });
      } else if (oneSnapshot) {
        step(i, 'N1 takes s, N2b takes its snapshot before the beat is committed', (n, own) => {
          ask(n, own);
          own.renewal = early;
        });
      } else {
        // N1 and N2a are one step: an earlier s only shortens the lease, and fewer tokens are known before it.
        step(i, 'N1 takes s, N2a commits its beat', (n, own) => {
          ask(n, own);
          own.renewal = beaten;
          if (hasRow) n.now.beats = withNibble(n.now.beats, i, freshBeat);
          commit(n, world, !asyncBeat);
        });
      }
    }
    if (from.renewal === early && hasRow) {
      step(i, 'N2a commits its beat', (n, own) => {
        own.renewal = answered;
        n.now.beats = withNibble(n.now.beats, i, freshBeat);
        commit(n, world, !asyncBeat);
      });
    }
    if (from.renewal === beaten) {
      step(i, 'N2b takes its snapshot', (n, own) => {
        own.renewal = answered;
        own.replyBlocks = n.now.blocks;
        own.replyPair = n.pair;
      });
    }
    if (from.renewal === answered) step(i, 'N2b is answered: N3 to N6', grant);
    if (from.renewal !== resting && bounds.hasLostRenewals) {
      step(i, 'loses the answer of its renewal', (_n, own) => {
        own.renewal = resting;
      });
    }
  }

  /** A row left behind is kept until the next J2: beside the new one it could only lengthen a wait. An ack of the former life remains a fact. */
  function restart(i: number) {
    step(i, 'dies and starts anew', (n, own) => {
      const nothing = { lease: 0, pair: 0, memory: 0, body: 0, blocked: 0, released: 0, owed: 0, renewal: resting, sinceSend: 0, knownBefore: 0 };
      Object.assign(own, nothing, { membership: outside });
      for (const reader of n.readers) if (reader.instance === i) reader.phase = free;
      return undefined;
    });
  }

  function ask(n: State, own: Instance) {
    own.sinceSend = 0;
    own.knownBefore = own.blocked;
    own.replyBlocks = n.now.blocks;
    own.replyPair = n.pair;
  }

  function grant(n: State, own: Instance): undefined {
    apply(n, own, own.replyBlocks & ~own.released);
    const absent = own.blocked & ~own.replyBlocks;
    release(n, own, releaseUnknown ? absent : absent & own.knownBefore);
    const hasLapsed = own.lease === 0;
    const isNewPair = own.replyPair !== own.pair;
    if ((hasLapsed && !memoryOutlivesLapse) || (isNewPair && !memoryOutlivesPair)) {
      own.memory = 0;
      own.body = 0;
    }
    if ((hasLapsed && !epochOutlivesLapse) || isNewPair) outdate(n, own);
    own.lease = Math.max(0, leaseOf(own, n) - (leaseFromReply ? 0 : own.sinceSend));
    own.pair = own.replyPair;
    own.renewal = resting;
  }

  function leaseOf(own: Instance, n: State): number {
    return bounds.leaseTicks[n.instances.indexOf(own)] as number;
  }
}
