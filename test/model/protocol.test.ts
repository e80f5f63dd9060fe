import { describe, expect, it } from 'vitest';
import { type Exploration, explore } from './checker.js';
import { small } from './configurations.js';
import { mutants } from './mutants.js';
import { createProtocol } from './protocol.js';
import { createRename, renameMutants } from './rename.js';

/** Bounds the run on a machine of CI; `npm run test:model` has none. */
const stateCap = 150_000;

describe('the protocol of price truth', () => {
  for (const { name, bounds, reaches } of small) {
    it(`keeps its promises with ${name}`, () => {
      const found = explore(createProtocol(bounds), stateCap);
      expect(counterexample(found)).toBe('none');
      const rules = [...found.fired.keys()];
      expect(reaches.filter((wanted) => !rules.some((rule) => rule.startsWith(wanted)))).toEqual([]);
      expect(found.states).toBeGreaterThan(10_000);
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

describe('lookups by slug', () => {
  it('keep their promises while two writers rename the product', () => {
    const found = explore(createRename(), stateCap);
    expect([counterexample(found), found.isExhausted]).toEqual(['none', true]);
    expect([...found.fired.keys()]).toEqual(
      expect.arrayContaining([
        'R1 hits A is nobody',
        'R1 hits C is v2',
        'R2 answers B is v1',
        'B fails: the slug of the product is not among its keys',
      ]),
    );
    expect(found.states).toBeGreaterThan(3_000);
  });

  for (const { breaks, does } of renameMutants) {
    it(`are caught where ${does}`, () => {
      expect(counterexample(explore(createRename(breaks), stateCap))).toMatch(/a read is told that . is .* although/);
    });
  }
});

const counterexample = ({ violation }: Exploration) => (violation ? [violation.claim, ...violation.trace].join('\n') : 'none');
