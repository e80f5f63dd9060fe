import { beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, maxLeaseMs, type Registry, settleMs } from '../../src/cache/registry.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';

let clock: FakeClock;
let registry: Registry;
beforeEach(() => {
  clock = createFakeClock();
  registry = createRegistry(clock);
});

const at = (beat: number, id = 'instance') => ({ id, beat, leaseMs: 2000 });
function observe(instances = [at(1)], pair = 'first', isSettled = false) {
  registry.observe({ pair, isSettled, instances });
  return clock.now();
}

describe('a beat', () => {
  it('is known to stand since the first look that showed it', () => {
    const since = observe([at(1)]);
    clock.advance(500);
    observe([at(1)]);
    expect(registry.standsSince('first', at(1))).toBe(since);
  });

  it('is news where it has risen, and where the look is not the one that was asked about', () => {
    observe([at(1)]);
    clock.advance(500);
    const since = observe([at(2)]);
    expect(registry.standsSince('first', at(2))).toBe(since);
    expect(registry.standsSince('first', at(1))).toBeUndefined();
    expect(registry.standsSince('first', at(3))).toBeUndefined();
    expect(registry.standsSince('first', at(2, 'another'))).toBeUndefined();
  });

  it('that goes back and comes again stands since it came again', () => {
    observe([at(2)]);
    clock.advance(500);
    observe([at(1)]);
    clock.advance(500);
    expect(registry.standsSince('first', at(2))).toBeUndefined();
    expect(observe([at(2)])).toBe(registry.standsSince('first', at(2)));
  });

  it('of an instance that was not listed meanwhile is news', () => {
    observe([at(1)]);
    clock.advance(500);
    observe([]);
    clock.advance(500);
    const since = observe([at(1)]);
    expect(registry.standsSince('first', at(1))).toBe(since);
  });

  it('is forgotten with the pair: in another life of the database nothing is known to stand', () => {
    observe([at(1)]);
    clock.advance(500);
    const since = observe([at(1)], 'second');
    expect(registry.standsSince('second', at(1))).toBe(since);
    expect(registry.standsSince('first', at(1))).toBeUndefined();
    clock.advance(500);
    expect(observe([at(1)], 'first')).toBe(registry.standsSince('first', at(1)));
  });

  it('that has stood for longer than any lease, and a margin for two clocks, is that of a process which is gone', () => {
    observe([at(1), at(1, 'alive')]);
    clock.advance(1.65 * maxLeaseMs - 1);
    observe([at(1), at(2, 'alive')]);
    expect(registry.gone()).toEqual([]);
    clock.advance(1);
    expect(registry.gone()).toEqual([{ id: 'instance', beat: 1 }]);
    observe([at(1), at(2, 'alive')], 'second');
    expect(registry.gone()).toEqual([]);
  });
});

describe('a life of the database', () => {
  it('takes the longest lease and its margin to be settled, from the moment it became known', () => {
    observe();
    expect(registry.settlesIn('first')).toBe(settleMs);
    clock.advance(2000);
    observe();
    expect(registry.settlesIn('first')).toBe(settleMs - 2000);
    clock.advance(settleMs);
    expect(registry.settlesIn('first')).toBe(0);
    expect(settleMs).toBe(1.1 * 5000);
  });

  it('is settled at once where that is written down, and stays so', () => {
    observe([], 'first', true);
    expect(registry.settlesIn('first')).toBe(0);
    observe([], 'first', false);
    expect(registry.settlesIn('first')).toBe(0);
    expect(registry.toSettle()).toBeUndefined();
  });

  it('is over with the next one, which has to be settled anew', () => {
    observe([], 'first', true);
    observe([], 'second');
    expect(registry.settlesIn('first')).toBeUndefined();
    expect(registry.settlesIn('second')).toBe(settleMs);
  });

  it('is to be written down as settled once it is, until it is written down', () => {
    expect(registry.toSettle()).toBeUndefined();
    observe();
    expect(registry.toSettle()).toBeUndefined();
    clock.advance(settleMs);
    expect(registry.toSettle()).toBe('first');
    observe([], 'first', true);
    expect(registry.toSettle()).toBeUndefined();
  });
});
