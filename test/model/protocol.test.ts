import { describe, expect, it } from 'vitest';
import { type Exploration, explore } from './checker.js';
import { small } from './configurations.js';
import { mutants } from './mutants.js';
import { createProtocol } from './protocol.js';

/** Bounds the run on a machine of CI; `npm run test:model` has none. */
const stateCap = 100_000;

describe('the protocol of price truth', () => {
  for (const { name, bounds, reaches } of small) {
    it(`keeps its promises with ${name}`, () => {
      const found = explore(createProtocol(bounds), stateCap);
      expect(counterexample(found)).toBe('none');
      const rules = [...found.fired.keys()];
      expect(reaches.filter((wanted) => !rules.some((rule) => rule.startsWith(wanted)))).toEqual([]);
      expect(found.states).toBeGreaterThan(15_000);
    });
  }
});

describe('the protocol with a rule broken', () => {
  for (const { breaks, does, bounds, uncaught } of mutants) {
    it(`${uncaught === undefined ? 'is caught' : 'keeps its promises all the same'} where ${does}`, () => {
      const found = explore(createProtocol(bounds, breaks), stateCap);
      if (uncaught === undefined) expect(counterexample(found)).toMatch(/although| is lost|^a lost /);
      else expect([counterexample(found), found.isExhausted]).toEqual(['none', true]);
    });
  }
});

const counterexample = ({ violation }: Exploration) => (violation ? [violation.claim, ...violation.trace].join('\n') : 'none');
