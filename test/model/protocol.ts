import { armingSteps } from './arming.js';
import type { Bounds } from './bounds.js';
import { createCanonical } from './canonical.js';
import type { Emit, Model } from './checker.js';
import { describe } from './description.js';
import { createDecoder, encodeState } from './encoding.js';
import { leaseSteps } from './lease.js';
import { memorySteps } from './memory.js';
import { postgresSteps } from './postgres.js';
import { readerSteps } from './reader.js';
import type { Sabotage, World } from './sabotage.js';
import { clone, type Instance, joined, nibble, outside, resting, type State, type Writer, withNibble } from './state.js';
import { writingSteps } from './writing.js';

/**
 * The protocol of price truth as a transition system: rules J, N, Apply, Release, R1 to R3, W1 to W7, registry, reaper and fence, taken from their
 * description and not from the code of the service. Every interleaving of their steps is possible; a message that was sent may arrive at any
 * time, several times, or never.
 *
 * Time passes in ticks of about a lease. Where a rule compares durations, both sides count ticks, and the clock that errs is the one whose lease
 * lasts longer (`leaseTicks`). One product stands for all; `rename.ts` has the lookups by slug.
 */
export function createProtocol(bounds: Bounds, sabotage: readonly Sabotage[] = []): Model<State> {
  const world: World = { bounds, breaks: (rule) => sabotage.includes(rule) };
  const canonical = createCanonical(world);
  const parts = [postgresSteps, leaseSteps, memorySteps, armingSteps, writingSteps, readerSteps].map((part) => part(world));
  let report!: Emit<State>;
  const emitCanonical: Emit<State> = (who, rule, next, broken) => report(who, rule, canonical(next), broken);
  return {
    initial: () => canonical(beginning(bounds)),
    steps(state, emit) {
      report = emit;
      if (bounds.hasTime) emitCanonical('time', 'passes: one tick', tick(state, bounds));
      for (const part of parts) part(state, emitCanonical);
    },
    encode: encodeState,
    decode: createDecoder({ instances: bounds.leaseTicks.length, readers: bounds.readers, writers: bounds.writes.length }),
    describe,
  };
}

function beginning(bounds: Bounds): State {
  const { isWarm } = bounds;
  const settled = bounds.hasSettled ? 1 : 0;
  const beats = isWarm ? bounds.leaseTicks.reduce((packed, _, i) => withNibble(packed, i, 1), 0) : 0;
  const start = { value: 0, blocks: 0, log: 0, beats, settled };
  return {
    pair: 0,
    crashesLeft: bounds.crashes,
    top: 0,
    lost: 0,
    floor: 0,
    armed: 0,
    freed: 0,
    revoked: 0,
    acknowledged: 0,
    now: start,
    // A standby may not know the instances yet.
    flushed: { ...start, beats: bounds.crash === 'failover' ? 0 : beats },
    redisLabel: 0,
    redisBody: 0,
    watchedBeats: 0,
    watchedTicks: 0,
    instances: bounds.leaseTicks.map((leaseTicks): Instance => {
      const renewed = { renewal: resting, sinceSend: 0, knownBefore: 0, replyBlocks: 0, replyPair: 0, blocked: 0, released: 0, acked: 0, owed: 0 };
      if (isWarm) return { ...renewed, membership: joined, lease: leaseTicks, pair: 0, memory: 1, body: 1 };
      return { ...renewed, membership: outside, lease: 0, pair: 0, memory: 0, body: 0 };
    }),
    readers: Array.from({ length: bounds.readers }, () => ({ phase: 0, instance: 0, floor: 0, isOutdated: 0, version: 0, label: 0, body: 0 })),
    writers: bounds.writes.map((): Writer => {
      const known = bounds.isSeasoned ? { knownPair: 1, knownTicks: bounds.waitTicks } : { knownPair: 0, knownTicks: 0 };
      const write = { phase: 0, writes: 0, sinceArm: 0, pair: 0, needed: 0, isSettled: 0, beats: 0, beatTicks: 0, transaction: 0, value: 0 };
      return { ...write, ...known };
    }),
  };
}

/** Every duration grows by one, up to where it makes no more difference. */
function tick(s: State, bounds: Bounds): State {
  const n = clone(s);
  n.instances.forEach((i, at) => {
    i.lease = Math.max(0, i.lease - 1);
    if (i.renewal !== resting) i.sinceSend = Math.min(i.sinceSend + 1, bounds.leaseTicks[at] as number);
    n.watchedTicks = withNibble(n.watchedTicks, at, nibble(n.watchedBeats, at) > 0 ? later(bounds, nibble(n.watchedTicks, at)) : 0);
    for (const w of n.writers) w.beatTicks = withNibble(w.beatTicks, at, nibble(w.beats, at) > 0 ? later(bounds, nibble(w.beatTicks, at)) : 0);
  });
  for (const w of n.writers) {
    w.sinceArm = later(bounds, w.sinceArm);
    if (w.knownPair > 0) w.knownTicks = later(bounds, w.knownTicks);
  }
  return n;
}

const later = (bounds: Bounds, ticks: number) => Math.min(ticks + 1, bounds.waitTicks);
