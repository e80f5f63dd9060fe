import { createVisited } from './visited.js';

/** Called for each step that is possible: who takes it, its rule, the state after it and, where a promise is broken by it, which. */
export type Emit<S> = (who: string, rule: string, next: S, broken?: string) => void;

export interface Model<S> {
  initial(): S;
  /** Emits every step possible in `state`, always in the same order, and does not change `state`. */
  steps(state: S, emit: Emit<S>): void;
  /** Writes the state into `bytes` from `at` on; equal states write equal bytes. Returns where it ended; the length is the same for all states. */
  encode(state: S, bytes: Uint8Array, at: number): number;
  decode(bytes: Uint8Array, at: number): S;
  /** What a person wants to know of a state; a printed step shows the entries that it changed. */
  describe(state: S): Record<string, string>;
}

export interface Exploration {
  states: number;
  transitions: number;
  /** Steps from the initial state to the farthest state seen. */
  depth: number;
  /** False where the cap ended it. */
  isExhausted: boolean;
  /** How often each rule was taken. */
  fired: Map<string, number>;
  violation: { claim: string; trace: string[] } | null;
  elapsedMs: number;
}

const longest = 256;

/**
 * Explicit-state search, breadth first, so that the first violation found is one of the shortest. Whole states are kept for two levels alone; of the
 * others a fingerprint, the parent and which of the parent's steps it was (7 bytes): a trace is found by taking those steps again from the
 * initial state.
 */
export function explore<S>(model: Model<S>, stateCap: number): Exploration {
  const startedAt = performance.now();
  const visited = createVisited();
  const origins = createOrigins();
  const fired = new Map<string, number>();
  const scratch = new Uint8Array(longest);
  const width = model.encode(model.initial(), scratch, 0);
  let level = createLevel(width);
  let next = createLevel(width);
  let transitions = 0;
  let depth = 0;
  let violation: { claim: string; parent: number; ordinal: number } | undefined;

  function discover(state: S, parent: number, ordinal: number) {
    model.encode(state, scratch, 0);
    if (!visited.add(scratch, width)) return;
    origins.push(parent, ordinal);
    next.push(scratch);
  }

  discover(model.initial(), 0, 0);
  let first = 0;
  while (next.count() > 0 && !violation && visited.size() < stateCap) {
    if (first > 0 || transitions > 0) depth += 1;
    [level, next] = [next, level];
    next.clear();
    for (let i = 0; i < level.count() && !violation && visited.size() < stateCap; i++) {
      const parent = first + i;
      let ordinal = 0;
      model.steps(model.decode(level.bytes(), i * width), (_who, rule, state, broken) => {
        transitions += 1;
        fired.set(rule, (fired.get(rule) ?? 0) + 1);
        if (broken !== undefined) violation ??= { claim: broken, parent, ordinal };
        if (!violation) discover(state, parent, ordinal);
        ordinal += 1;
      });
    }
    first += level.count();
  }

  return {
    states: visited.size(),
    transitions,
    depth,
    isExhausted: next.count() === 0 && !violation,
    fired,
    violation: violation ? { claim: violation.claim, trace: traceTo(model, origins, violation.parent, violation.ordinal) } : null,
    elapsedMs: performance.now() - startedAt,
  };
}

function traceTo<S>(model: Model<S>, origins: ReturnType<typeof createOrigins>, parent: number, ordinal: number): string[] {
  const ordinals = [ordinal];
  for (let at = parent; at > 0; at = origins.parent(at)) ordinals.unshift(origins.ordinal(at));
  const bytes = new Uint8Array(longest);
  let state = model.initial();
  return ordinals.map((wanted, i) => {
    let seen = 0;
    let line = '';
    let reached = state;
    model.steps(state, (who, rule, next) => {
      if (seen++ !== wanted) return;
      line = `${String(i + 1).padStart(2)}. ${who} ${rule}`;
      reached = next;
    });
    const before = model.describe(state);
    model.encode(reached, bytes, 0);
    state = model.decode(bytes, 0);
    const changes = Object.entries(model.describe(state)).filter(([name, value]) => before[name] !== value);
    return changes.length > 0 ? `${line}  [${changes.map(([name, value]) => `${name} ${value}`).join('; ')}]` : line;
  });
}

/** For each state, by the order of discovery: its parent and which of the parent's steps led to it. */
function createOrigins() {
  let parents = new Uint32Array(1 << 14);
  let ordinals = new Uint16Array(1 << 14);
  let count = 0;
  return {
    push(parent: number, ordinal: number) {
      if (count === parents.length) {
        const [oldParents, oldOrdinals] = [parents, ordinals];
        parents = new Uint32Array(count * 2);
        ordinals = new Uint16Array(count * 2);
        parents.set(oldParents);
        ordinals.set(oldOrdinals);
      }
      parents[count] = parent;
      ordinals[count] = ordinal;
      count += 1;
    },
    parent: (at: number) => parents[at] as number,
    ordinal: (at: number) => ordinals[at] as number,
  };
}

function createLevel(width: number) {
  let bytes = new Uint8Array(width << 10);
  let count = 0;
  return {
    push(state: Uint8Array) {
      if ((count + 1) * width > bytes.length) {
        const old = bytes;
        bytes = new Uint8Array(old.length * 2);
        bytes.set(old);
      }
      bytes.set(state.subarray(0, width), count * width);
      count += 1;
    },
    clear() {
      count = 0;
    },
    count: () => count,
    bytes: () => bytes,
  };
}
