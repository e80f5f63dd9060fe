import { describe, expect, it } from 'vitest';
import { playDirected, playNames } from './directed.js';
import { type Length, runSchedule } from './explore.js';
import { inTurn } from './in-turn.js';
import { addTo, type Tally, tellFailure } from './tally.js';

const patient = { timeout: 120_000 };
const tally: Tally = {};

async function run(from: number, seeds: number, length: Length) {
  await inTurn(() => {
    for (let seed = from; seed < from + seeds; seed += 1) {
      const schedule = runSchedule(seed, length);
      addTo(tally, schedule);
      if (schedule.violations.length > 0) throw new Error(tellFailure(runSchedule(seed, length, true)));
    }
  });
}

describe('the price protocol under a scheduler that follows a seed', () => {
  it.each([1, 501, 1001, 1501])('shows no old price in 500 short schedules from seed %i', patient, (from) => run(from, 500, 'short'));

  it.each([1, 21, 41])('shows no old price in 20 long schedules from seed %i, and is back at memory speed after them', patient, (from) =>
    run(from, 20, 'long'),
  );

  it('does all that it can do', () => {
    const rare = ['reaped', 'fenced', 'unknown', 'lapses'];
    const usual = ['memory', 'absent', 'validated', 'redis', 'collapsed', 'stored', 'lies', 'acked', 'acks', 'waits', 'refused', 'joins', 'ends'];
    for (const name of rare) expect(tally[name], name).toBeGreaterThan(3);
    for (const name of usual) expect(tally[name], name).toBeGreaterThan(100);
  });

  it.each([
    ['short', 42],
    ['short', 43],
    ['long', 44],
  ] as const)('makes the same %s history of the same seed %i', async (length, seed) => {
    const first = await inTurn(() => runSchedule(seed, length, true));
    await run(seed + 1, 3, 'short');
    const again = await inTurn(() => runSchedule(seed, length, true));
    expect(again.trace.length).toBeGreaterThan(50);
    expect(again.trace).toEqual(first.trace);
  });
});

describe('the price protocol in a schedule thought out against it', () => {
  it.each(playNames)('survives %s', async (name) => {
    const { violations, isOver } = await inTurn(() => playDirected(name));
    expect(violations).toEqual([]);
    expect(isOver).toBe(true);
  });
});
