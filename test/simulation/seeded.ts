import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Choices that come back with the seed (mulberry32). */
export interface Seeded {
  /** In [0, 1). */
  next(): number;
  between(from: number, to: number): number;
  /** A whole number below `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A stream of its own: what one part of a run draws does not move what another draws. */
  fork(): Seeded;
}

export function createSeeded(seed: number): Seeded {
  let state = seed | 0;
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (end: number) => Math.floor(next() * end);
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    fork: () => createSeeded(Math.imul((next() * 2 ** 32) | 0, 0x9e3779b1)),
  };
}

let source: { random(): number; uuid(): string } | undefined;
const own = { random: Math.random, uuid: crypto.randomUUID };

// Once for the process: the code under test imports `randomUUID` by name, and such a name is bound when this has run.
Math.random = () => (source ? source.random() : own.random());
crypto.randomUUID = (options) => (source ? (source.uuid() as ReturnType<typeof own.uuid>) : own.uuid(options));
syncBuiltinESMExports();

/** Runs `work`, in which everything that the process calls random follows from `seeded`. */
export function withSeed<T>(seeded: Seeded, work: () => T): T {
  let made = 0;
  const outer = source;
  const { stackTraceLimit } = Error;
  // Most of what fails here was made to fail, and a trace of it costs more than the failure.
  Error.stackTraceLimit = 0;
  source = {
    random: seeded.next,
    // Told apart by their beginning, in the order in which they were made, so that a trace can be read.
    uuid: () => `${(++made).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
  };
  try {
    return work();
  } finally {
    source = outer;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
