import type { World } from './sabotage.js';
import type { Instance, State } from './state.js';

/** Apply and Release in one instance, and what they outdate. Tokens are masks. */
export function createBlocks(world: World) {
  const reapplies = world.breaks('reapply-released');
  const keepsGenOnRelease = world.breaks('install-read-while-blocked');
  return { apply, release, outdate };

  function apply(n: State, own: Instance, tokens: number): undefined {
    const fresh = tokens & ~own.blocked;
    if (fresh === 0) return;
    own.blocked |= fresh;
    own.acked |= fresh;
    own.memory = 0;
    own.body = 0;
    outdate(n, own);
  }

  function release(n: State, own: Instance, tokens: number): undefined {
    if (tokens === 0) return;
    own.blocked &= ~tokens;
    if (!reapplies) own.released |= tokens;
    if (!keepsGenOnRelease) outdate(n, own);
  }

  /** gen++ of the product's keys, or a new epoch: what was asked before is not installed. */
  function outdate(n: State, own: Instance) {
    const i = n.instances.indexOf(own);
    for (const reader of n.readers) if (reader.instance === i) reader.isOutdated = 1;
  }
}
