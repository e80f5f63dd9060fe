import { beforeEach, describe, expect, it } from 'vitest';
import { createLease, type Lease } from '../../src/cache/lease.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';
import { leaseMs, renew } from './held-lease.js';

let clock: FakeClock;
let lease: Lease;
let forgotten: string[];

beforeEach(() => {
  clock = createFakeClock();
  forgotten = [];
  lease = createLease({ clock, leaseMs, forget: (key) => forgotten.push(key) });
});

const key = 'id:lamp';
const block = (token: string, ...keys: string[]) => ({ token, writer: 'another process', keys });

describe('the lease', () => {
  it('is not held before the first renewal', () => {
    expect(lease.isHeld()).toBe(false);
    expect(lease.mayHit(key)).toBe(false);
    expect(lease.mayInstall(key, lease.mark())).toBe(false);
  });

  it('lasts from the moment the renewal was sent, not from its answer (N6)', () => {
    const beginning = lease.begin();
    clock.advance(1500);
    lease.renewed(beginning, { blocks: [], pair: 'first' });
    clock.setWall(-leaseMs);
    clock.advance(leaseMs - 1500 - 1);
    expect(lease.isHeld()).toBe(true);
    clock.advance(1);
    expect(lease.isHeld()).toBe(false);
    expect(lease.mayHit(key)).toBe(false);
  });

  it('is not held by an answer that comes after its time', () => {
    const beginning = lease.begin();
    clock.advance(leaseMs);
    lease.renewed(beginning, { blocks: [], pair: 'first' });
    expect(lease.isHeld()).toBe(false);
  });

  it('is lost where the clock on the wall says that its time has passed, as after a suspended machine', () => {
    renew(lease);
    clock.setWall(leaseMs - 1);
    expect(lease.isHeld()).toBe(true);
    clock.setWall(1);
    expect(lease.isHeld()).toBe(false);
  });

  it('is counted from the sending by the clock on the wall as well', () => {
    const beginning = lease.begin();
    clock.setWall(1500);
    lease.renewed(beginning, { blocks: [], pair: 'first' });
    clock.setWall(leaseMs - 1500 - 1);
    expect(lease.isHeld()).toBe(true);
    clock.setWall(1);
    expect(lease.isHeld()).toBe(false);
  });

  it('gains nothing where the clock on the wall is set back', () => {
    renew(lease);
    clock.setWall(-3_600_000);
    clock.advance(leaseMs);
    expect(lease.isHeld()).toBe(false);
  });

  it('begins a new epoch where it had lapsed, by either clock, and keeps the old one where it had not (N5)', () => {
    renew(lease);
    const first = lease.epoch();
    clock.advance(leaseMs - 1);
    renew(lease);
    expect(lease.epoch()).toBe(first);
    clock.advance(leaseMs);
    renew(lease);
    const second = lease.epoch();
    expect(second).toBeGreaterThan(first);
    clock.setWall(leaseMs);
    renew(lease);
    expect(lease.epoch()).toBeGreaterThan(second);
  });

  it('begins a new epoch in another life of the database (N5)', () => {
    renew(lease, [], 'first');
    const mark = lease.mark();
    renew(lease, [], 'second');
    expect(lease.epoch()).toBeGreaterThan(mark.epoch);
    expect(lease.mayInstall(key, mark)).toBe(false);
    expect(lease.mayInstall(key, lease.mark())).toBe(true);
  });

  it('is given up for good: a renewal under way does not bring it back', () => {
    renew(lease);
    const beginning = lease.begin();
    lease.drop();
    expect(lease.isHeld()).toBe(false);
    lease.renewed(beginning, { blocks: [], pair: 'first' });
    expect(lease.isHeld()).toBe(false);
  });
});

describe('the counts of the lease', () => {
  it('tell for which part of the time it was held, up to the last renewal, and how often it had run out', () => {
    expect(lease.counts()).toMatchObject({ heldRatio: 0, lapses: 0 });
    renew(lease);
    clock.advance(leaseMs);
    renew(lease);
    expect(lease.counts().heldRatio).toBe(1);
    const { lapses } = lease.counts();
    clock.advance(3 * leaseMs);
    renew(lease);
    expect(lease.counts()).toMatchObject({ heldRatio: 0.5, lapses: lapses + 1 });
  });
});

describe('a block', () => {
  beforeEach(() => {
    renew(lease);
  });

  it('forbids hits of its keys and drops what memory holds under them, and no others (R1)', () => {
    lease.apply('write', [key, 'slug:lamp']);
    expect([key, 'slug:lamp'].map((one) => lease.mayHit(one))).toEqual([false, false]);
    expect(lease.mayHit('id:chair')).toBe(true);
    expect(forgotten).toEqual([key, 'slug:lamp']);
    expect(lease.counts()).toMatchObject({ applied: 1, blocks: 1, blockedKeys: 2 });
  });

  it('on * forbids every hit and begins a new epoch', () => {
    const epoch = lease.epoch();
    lease.apply('write', ['*']);
    expect(lease.mayHit(key)).toBe(false);
    expect(lease.epoch()).toBeGreaterThan(epoch);
    lease.release('write');
    expect(lease.mayHit(key)).toBe(true);
  });

  it('on * refuses what was asked for before it and while it stood', () => {
    const before = lease.mark();
    lease.apply('write', ['*']);
    const during = lease.mark();
    lease.release('write');
    expect([before, during].map((mark) => lease.mayInstall(key, mark))).toEqual([false, false]);
    expect(lease.mayInstall(key, lease.mark())).toBe(true);
  });

  it('refuses what was asked for before it and while it stood, and takes what was asked for after its release (R3)', () => {
    const before = lease.mark();
    lease.apply('write', [key]);
    const during = lease.mark();
    expect([before, during].map((mark) => lease.mayInstall(key, mark))).toEqual([false, false]);
    lease.release('write');
    expect([before, during].map((mark) => lease.mayInstall(key, mark))).toEqual([false, false]);
    expect(lease.mayInstall(key, lease.mark())).toBe(true);
    expect(lease.mayInstall('id:chair', before)).toBe(true);
  });

  it('stands until the last write on its key is released', () => {
    lease.apply('one', [key]);
    lease.apply('two', [key, 'slug:lamp']);
    lease.release('one');
    expect(lease.isBlocked(key)).toBe(true);
    lease.release('two');
    expect(lease.isBlocked(key)).toBe(false);
    expect(lease.counts()).toMatchObject({ applied: 2, blocks: 0, blockedKeys: 0 });
  });

  it('is applied once, however often it is told', () => {
    lease.apply('write', [key]);
    lease.apply('write', [key]);
    lease.release('write');
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('is never applied again after its release, nor after a release that overtook it', () => {
    lease.apply('write', [key]);
    lease.release('write');
    lease.apply('write', [key]);
    lease.release('overtaken');
    lease.apply('overtaken', [key]);
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('refuses fills of every key at once when stamps become too many, and of no key that is asked for afterwards', () => {
    const early = lease.mark();
    const many = Array.from({ length: 20_001 }, (_, i) => `id:${i}`);
    lease.apply('bulk', many);
    lease.release('bulk');
    expect(lease.mayInstall(key, early)).toBe(false);
    expect(lease.mayInstall('id:0', early)).toBe(false);
    expect([key, 'id:0', 'id:20000'].every((one) => lease.mayInstall(one, lease.mark()))).toBe(true);
  });
});

describe('a renewal', () => {
  beforeEach(() => {
    renew(lease);
  });

  it('applies the blocks whose notice was lost, and names them for the ack (N3)', () => {
    lease.apply('known', [key]);
    const applied = renew(lease, [block('known', key), block('lost', 'id:chair')]);
    expect(applied).toEqual([{ token: 'lost', writer: 'another process' }]);
    expect(lease.mayHit('id:chair')).toBe(false);
    expect(forgotten).toEqual([key, 'id:chair']);
  });

  it('does not apply a block whose release came before its answer', () => {
    lease.apply('write', [key]);
    const beginning = lease.begin();
    lease.release('write');
    expect(lease.renewed(beginning, { blocks: [block('write', key)], pair: 'first' })).toEqual([]);
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('remembers a release for the answers that may still bring the block', () => {
    lease.apply('write', [key]);
    lease.release('write');
    renew(lease);
    renew(lease, [block('write', key)]);
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('releases what was known before it began and stands no more, as where the notice was lost (N4)', () => {
    lease.apply('write', [key]);
    const during = lease.mark();
    renew(lease);
    expect(lease.isBlocked(key)).toBe(false);
    expect(lease.mayInstall(key, during)).toBe(false);
  });

  it('leaves a block alone that became known after it began: what was read may be older (N4)', () => {
    const beginning = lease.begin();
    lease.apply('write', [key]);
    lease.renewed(beginning, { blocks: [], pair: 'first' });
    expect(lease.isBlocked(key)).toBe(true);
    renew(lease, [block('write', key)]);
    expect(lease.isBlocked(key)).toBe(true);
    renew(lease);
    expect(lease.isBlocked(key)).toBe(false);
  });
});

describe('a write of this process', () => {
  beforeEach(() => {
    renew(lease);
  });

  it('may put its document into memory where nothing else has touched the keys', () => {
    lease.apply('own', [key], true);
    expect(lease.releaseOwn('own')).toBe(true);
    expect(lease.mayHit(key)).toBe(true);
  });

  it('is released by itself: neither by the notice of its release nor by a renewal that comes between its commit and the answer', () => {
    lease.apply('own', [key], true);
    lease.release('own');
    renew(lease);
    expect(lease.isBlocked(key)).toBe(true);
    expect(lease.releaseOwn('own')).toBe(true);
    expect(lease.releaseOwn('own')).toBe(false);
  });

  it('is released like any other once it is disowned', () => {
    for (const [token, release] of [
      ['by notice', () => lease.release('by notice')],
      ['by renewal', () => void renew(lease)],
    ] as const) {
      lease.apply(token, [key], true);
      lease.disown(token);
      expect(lease.isBlocked(key)).toBe(true);
      release();
      expect(lease.isBlocked(key)).toBe(false);
    }
  });

  it('is its own also where a renewal has seen its block first', () => {
    renew(lease, [block('own', key)]);
    lease.apply('own', [key], true);
    lease.release('own');
    expect(lease.isBlocked(key)).toBe(true);
    expect(lease.releaseOwn('own')).toBe(true);
  });

  it.each([
    ['another write has blocked a key since and still does', () => lease.apply('rival', [key])],
    [
      'another write has blocked a key since and is over',
      () => {
        lease.apply('rival', [key]);
        lease.release('rival');
      },
    ],
    ['everything is blocked', () => lease.apply('rival', ['*'])],
    ['the lease has lapsed', () => clock.advance(leaseMs)],
    [
      'the lease has lapsed and is back',
      () => {
        clock.advance(leaseMs);
        renew(lease, [block('own', key)]);
      },
    ],
    ['the database is another', () => void renew(lease, [block('own', key)], 'second')],
    ['the lease was given up', () => lease.drop()],
  ])('leaves memory alone where %s', (_, happen) => {
    lease.apply('own', [key], true);
    happen();
    expect(lease.releaseOwn('own')).toBe(false);
  });

  it('leaves memory alone where another write that was there before it ends during it', () => {
    lease.apply('rival', [key]);
    lease.apply('own', [key], true);
    lease.release('rival');
    expect(lease.releaseOwn('own')).toBe(false);
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('leaves memory alone where another write that was there before it is not over', () => {
    lease.apply('rival', [key]);
    lease.apply('own', [key], true);
    expect(lease.releaseOwn('own')).toBe(false);
    expect(lease.isBlocked(key)).toBe(true);
  });
});
