import { createBlocks } from './blocks.js';
import type { Emit } from './checker.js';
import { nameOf, returns } from './postgres.js';
import type { World } from './sabotage.js';
import { clone, type Instance, isLost, type State } from './state.js';

/** What every instance hears by NOTIFY, and its hits (R1). */
export function memorySteps(world: World): (s: State, emit: Emit<State>) => void {
  const { apply, release } = createBlocks(world);
  const reapplies = world.breaks('reapply-released');
  const ackBeforeApply = world.breaks('ack-before-apply');
  const hitWithoutLease = world.breaks('hit-without-lease');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    s.instances.forEach((from, i) => {
      messages(i, from);
      hit(i, from);
    });
  };

  function step(i: number, rule: string, change: (n: State, own: Instance) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.instances[i] as Instance);
    emit(`i${i}`, rule, n, broken);
  }

  function messages(i: number, from: Instance) {
    for (let token = 1; token <= s.armed; token <<= 1) {
      const name = nameOf(token);
      if (s.armed & token & ~(from.blocked | from.released | from.owed)) {
        if (ackBeforeApply) {
          step(i, `hears of token ${name} and acknowledges it`, (_n, own) => {
            own.owed |= token;
            own.acked |= token;
          });
        } else {
          step(i, `hears of token ${name}: Apply, then ack`, (n, own) => apply(n, own, token));
        }
      }
      if (from.owed & token) {
        step(i, `applies token ${name}`, (n, own) => {
          own.owed &= ~token;
          apply(n, own, token);
        });
      }
      if (s.freed & token & ~from.released && (!reapplies || from.blocked & token)) {
        step(i, `hears of the release of token ${name}`, (n, own) => {
          own.owed &= ~token;
          release(n, own, token);
        });
      }
    }
  }

  function hit(i: number, from: Instance) {
    if (from.memory === 0 || from.blocked !== 0 || (from.lease === 0 && !hitWithoutLease)) return;
    step(i, `R1 hits v${from.body - 1} in memory`, (n, own) => {
      if (isLost(n, own.body - 1) && own.pair === n.pair) return `a lost v${own.body - 1} is served under a lease of the pair that lost it`;
      return returns(n, own.body - 1, n.floor);
    });
  }
}
