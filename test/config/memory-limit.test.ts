import { describe, expect, it } from 'vitest';
import { defaultMemoryCacheBytes, memoryLimitBytes } from '../../src/config/memory-limit.js';

const mb = 2 ** 20;
const machine = 16_384 * mb;

describe('what the process may use', () => {
  it('is the limit of its control group', () => {
    expect(memoryLimitBytes(256 * mb, machine)).toBe(256 * mb);
  });

  it.each([
    ['Node cannot tell', 0],
    ['a first version group has no limit', 2 ** 63 - 4096],
    ['a second version group has none', 2 ** 64 - 1],
    ['the limit is more than there is', machine + mb],
  ])('is the memory of the machine where %s', (_case, constrained) => {
    expect(memoryLimitBytes(constrained, machine)).toBe(machine);
  });

  it('is what Node finds for this very process', () => {
    expect(memoryLimitBytes()).toBeGreaterThan(64 * mb);
  });
});

describe('the first tier, unless told', () => {
  it.each([
    [64, 8],
    [256, 16],
    [512, 80],
    [1_024, 208],
    [16_384, 256],
  ])('has of %i MB %i', (limit, tier) => {
    expect(defaultMemoryCacheBytes(limit * mb)).toBe(tier * mb);
  });
});
