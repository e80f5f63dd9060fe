import { describe, expect, it } from 'vitest';
import { createGuessLimit, firstFactor } from '../../src/access/guess-limit.js';

function limit(perMinute = 3) {
  const clock = { ms: 1_000_000 };
  const told: string[] = [];
  const onExceeded = (address: string, warning: string) => told.push(`${address}: ${warning.split(' ')[0]}`);
  return { clock, told, ...createGuessLimit({ perMinute, now: () => clock.ms, onExceeded }) };
}
const times = <T>(count: number, work: (index: number) => T) => Array.from({ length: count }, (_, index) => work(index));

describe('the limit on wrong keys', () => {
  it('says of the first one too many how long the minute still lasts, and then of every one', () => {
    const { clock, failed } = limit();
    expect(times(4, () => failed('a'))).toEqual([0, 0, 0, 60]);
    clock.ms += 59_001;
    expect(failed('a')).toBe(1);
    clock.ms += 999;
    expect(times(4, () => failed('a'))).toEqual([0, 0, 0, 60]);
  });

  it('counts each address for itself', () => {
    const { failed } = limit();
    times(5, () => failed('a'));
    expect(failed('b')).toBe(0);
  });

  it('remembers no more than ten thousand addresses', () => {
    const { failed } = limit(1);
    failed('first');
    times(10_000, (i) => failed(`address ${i}`));
    expect(failed('first')).toBe(0);
    expect(failed('address 9999')).toBe(60);
  });
});

describe('the guard of the first key', () => {
  it('has a larger budget, after which nothing is compared until the minute is over', () => {
    const { clock, firstWaitS, missedFirst } = limit();
    times(3 * firstFactor - 1, () => missedFirst('a'));
    expect(firstWaitS('a')).toBe(0);
    missedFirst('a');
    expect([firstWaitS('a'), firstWaitS('b')]).toEqual([60, 0]);
    clock.ms += 60_000;
    expect(firstWaitS('a')).toBe(0);
  });

  it('is not used up by what is no guess at it', () => {
    const { failed, firstWaitS } = limit();
    times(10 * firstFactor, () => failed('a'));
    expect(firstWaitS('a')).toBe(0);
  });
});

describe('whoever looks after the service', () => {
  it('is told once a minute of an address that is past a budget', () => {
    const { clock, told, failed, missedFirst } = limit();
    times(3, () => failed('a'));
    expect(told).toEqual([]);
    times(50, () => failed('a'));
    times(50, () => missedFirst('a'));
    expect(told).toEqual(['a: Too', 'a: ADMIN_API_KEY']);
    clock.ms += 60_000;
    times(4, () => failed('a'));
    expect(told).toHaveLength(3);
  });

  it('is told of ten addresses a minute, however many there are', () => {
    const { told, failed } = limit();
    times(50, (i) => times(5, () => failed(`address ${i}`)));
    expect(told).toHaveLength(10);
  });
});
