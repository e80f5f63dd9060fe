import { describe, expect, it } from 'vitest';
import { inTurn } from '../simulation/in-turn.js';
import type * as Sabotaged from '../simulation/sabotaged.js';
import { bundle } from './bundle.js';
import { brokenRules } from './rules.js';

/** Several times as many as the rule takes that is hardest to catch. */
const seeds = 3000;

describe('every rule of the price protocol, broken, is caught', () => {
  it.each(brokenRules)('$rule: $instead', { timeout: 120_000 }, async ({ edits, directed }) => {
    const { playDirected, runSchedule } = (await import(await bundle({ entry: 'test/simulation/sabotaged.ts', edits }))) as typeof Sabotaged;
    const caught = await inTurn(() => {
      if (directed) return playDirected(directed).violations;
      for (let seed = 1; seed <= seeds; seed += 1) {
        const { violations } = runSchedule(seed, 'short');
        if (violations.length > 0) return violations;
      }
      return [];
    });
    expect(caught).not.toEqual([]);
  });
});
