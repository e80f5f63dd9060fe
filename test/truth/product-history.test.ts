import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change, Sight, VersionState, Violation, ViolationKind } from './history.js';
import { type NaiveRead, type NaiveWrite, naiveViolations } from './naive-checker.js';
import { createProductHistory, type ProductHistory } from './product-history.js';

const end = Number.POSITIVE_INFINITY;
const initial: VersionState = { exists: true, slug: 'lamp', isActive: true, amounts: [100, 101] };
const absent: VersionState = { exists: false, slug: undefined, isActive: undefined, amounts: [undefined, undefined] };

type Act = (history: ProductHistory) => void;

/** Times in the order of the parameters: begun, ended. A number for a change is a price of the first variant. */
function write(begin: number, ended: number, change: Change | number, version: number | 'refused' | 'unknown'): Act {
  return (history) => {
    const made = history.begin(typeof change === 'number' ? { kind: 'price', variant: 0, amount: change } : change, begin, 'writer');
    if (typeof version === 'number') history.settle(made, ended, 'acked', version);
    else history.settle(made, ended, version);
  };
}

function read(begin: number, ended: number, sight: Sight | number, amounts?: number[]): Act {
  const full: Sight = typeof sight === 'number' ? { kind: 'version', version: sight, ...(amounts ? { amounts } : {}) } : sight;
  return (history) => history.read(full, begin, ended, 'reader');
}

function openProduct(first = 1, state = initial): { history: ProductHistory; found: Violation[] } {
  const found: Violation[] = [];
  return { history: createProductHistory('lamp', first, state, (violation) => found.push(violation)), found };
}

/** What the checker finds in a history of a product that stands at version 1 with the prices 100 and 101. */
function judge(acts: readonly Act[], first = 1, state = initial): ViolationKind[] {
  const { history, found } = openProduct(first, state);
  for (const act of acts) act(history);
  history.judge(end, end);
  return found.map(({ kind }) => kind);
}

describe('the history of a product', () => {
  it('is clean where reads show what stands, and during a write the old or the new', () => {
    const found = judge([
      read(0, 1, 1, [100, 101]),
      write(2, 6, 200, 2),
      read(3, 4, 1, [100, 101]),
      read(4.5, 5, 2, [200, 101]),
      read(7, 8, 2, [200, 101]),
      read(7, 8, { kind: 'version', version: 2, lowest: 101 }),
    ]);
    expect(found).toEqual([]);
  });

  it('finds a read that is older than what was acknowledged before it began', () => {
    expect(judge([write(2, 3, 200, 2), read(4, 5, 1)])).toEqual(['F1']);
  });

  it('lets a read that began before the acknowledgement show the old', () => {
    expect(judge([write(2, 4, 200, 2), read(3, 9, 1)])).toEqual([]);
  });

  it('finds a read that is older than one that ended before it began, acknowledged or not', () => {
    const found = judge([read(3, 4, 2, [200, 101]), read(5, 6, 1), write(2, 9, 200, 2)]);
    expect(found).toEqual(['F2']);
  });

  it('finds a version that is shown before its write began', () => {
    expect(judge([read(1, 2, 2), write(3, 4, 200, 2)])).toContain('future');
  });

  it('finds writes whose versions contradict their order', () => {
    expect(judge([write(1, 2, 200, 3), write(3, 4, 300, 2)])).toContain('order');
    expect(judge([write(1, 2, 200, 2), write(3, 4, 300, 2)])).toContain('order');
  });

  it('finds a write that is acknowledged below what a read had shown', () => {
    const found = judge([read(2, 3, 3), write(4, 5, 300, 2), write(1, 6, 200, 3)]);
    expect(found).toEqual(['order']);
  });

  it('finds a version that belongs to no write', () => {
    expect(judge([write(1, 2, 200, 2), read(3, 4, 3)])).toContain('order');
    expect(judge([write(1, 2, 200, 3)])).toContain('order');
  });

  it('finds a price that is not that of the version it is shown with', () => {
    expect(judge([write(1, 2, 200, 2), read(3, 4, 2, [100, 101])])).toEqual(['mixed']);
  });

  it('finds a document torn between two versions, where only the other price is known from before', () => {
    const found = judge([write(1, 2, 200, 2), write(3, 4, { kind: 'price', variant: 1, amount: 201 }, 3), read(5, 6, 3, [100, 201])]);
    expect(found).toEqual(['mixed']);
  });

  it('finds a lowest price that is not that of the version', () => {
    expect(judge([write(1, 2, 50, 2), read(3, 4, { kind: 'version', version: 2, lowest: 100 })])).toEqual(['mixed']);
  });

  it('lets a write of unknown outcome appear, late too, or never', () => {
    expect(judge([write(1, 2, 200, 'unknown'), read(3, 4, 1)])).toEqual([]);
    expect(judge([write(1, 2, 200, 'unknown'), read(3, 4, 1), read(5, 6, 2, [200, 101])])).toEqual([]);
    expect(judge([write(1, 2, 200, 'unknown'), write(3, 4, 300, 3), read(5, 6, 3, [300, 101])])).toEqual([]);
  });

  it('finds a write of unknown outcome that appears and disappears', () => {
    expect(judge([write(1, 2, 200, 'unknown'), read(3, 4, 2, [200, 101]), read(5, 6, 1)])).toEqual(['F2']);
  });

  it('finds an unknown version that shows the price of another', () => {
    const found = judge([write(1, 2, 200, 2), write(3, 4, 300, 'unknown'), write(5, 6, 400, 4), read(4.5, 5, 3, [400, 101])]);
    expect(found).toContain('mixed');
  });

  it('finds a refused write that takes effect', () => {
    expect(judge([write(1, 2, 200, 'refused'), read(3, 4, 2, [200, 101])])).toContain('refused');
  });

  it('takes an archival for a version: its absence is true from then on and the old page is not', () => {
    const archive: Change = { kind: 'status', isActive: false };
    const gone: Sight = { kind: 'absent', slug: 'lamp' };
    expect(judge([write(1, 4, archive, 2), read(2, 3, gone), read(5, 6, gone)])).toEqual([]);
    expect(judge([write(2, 3, archive, 2), read(4, 5, 1)])).toEqual(['F1']);
    expect(judge([write(2, 3, archive, 2), read(4, 5, 2)])).toEqual(['mixed']);
    expect(judge([read(4, 5, gone)])).toEqual(['F1']);
  });

  it('lets an archival of unknown outcome be seen by nothing but absence, for as long as nothing overtakes it', () => {
    const archive: Change = { kind: 'status', isActive: false };
    const gone: Sight = { kind: 'absent', slug: 'lamp' };
    const minute = 60_000;
    const seenLater = [write(1, 2, archive, 'unknown'), read(3, 4, gone), read(minute, minute + 1, gone)];
    expect(judge(seenLater)).toEqual([]);
    expect(judge([...seenLater, read(minute + 2, minute + 3, 1)])).toEqual(['F2']);
    expect(judge([write(1, 2, archive, 'unknown'), write(minute, minute + 1, 200, 2), read(minute + 2, minute + 3, gone)])).toEqual(['F1']);
    expect(judge([write(1, 2, 200, 'unknown'), read(3, 4, gone)])).toEqual(['F1']);
  });

  it('finds a page that comes back after its absence was shown', () => {
    const found = judge([read(2, 3, { kind: 'absent', slug: 'lamp' }), read(4, 5, 1), write(1, 6, { kind: 'status', isActive: false }, 2)]);
    expect(found).toEqual(['F2']);
  });

  it('finds an absence after the restoration, and after the creation', () => {
    const gone: Sight = { kind: 'absent', slug: 'lamp' };
    const found = judge([write(1, 2, { kind: 'status', isActive: false }, 2), write(3, 4, { kind: 'status', isActive: true }, 3), read(5, 6, gone)]);
    expect(found).toEqual(['F1']);
    const create: Change = { kind: 'create', slug: 'lamp', amounts: [100, 101] };
    expect(judge([read(0, 1, gone), write(2, 5, create, 1), read(3, 4, gone)], 0, absent)).toEqual([]);
    expect(judge([write(2, 5, create, 1), read(6, 7, gone)], 0, absent)).toEqual(['F1']);
  });

  it('takes a rename for a version: the old slug moves, the new one is there', () => {
    const rename: Change = { kind: 'slug', slug: 'light' };
    const moved: Sight = { kind: 'moved', from: 'lamp', to: 'light' };
    const page = (version: number, slug: string): Sight => ({ kind: 'version', version, slug });
    expect(judge([write(1, 4, rename, 2), read(2, 3, moved), read(5, 6, page(2, 'light'))])).toEqual([]);
    expect(judge([write(1, 4, rename, 2), read(5, 6, { kind: 'absent', slug: 'light' })])).toEqual(['F1']);
    expect(judge([write(1, 2, rename, 2), read(3, 4, page(2, 'lamp'))])).toEqual(['mixed']);
    expect(judge([read(2, 3, moved), read(4, 5, 1), write(1, 6, rename, 2)])).toEqual(['F2']);
    const twice = judge([write(1, 2, rename, 2), write(3, 4, { kind: 'slug', slug: 'torch' }, 3), read(5, 6, moved)]);
    expect(twice).toEqual(['F1']);
  });

  it('takes a move from a slug for the proof that a rename of unknown outcome took effect, and one that was refused did not', () => {
    const rename = (slug: string): Change => ({ kind: 'slug', slug });
    const moved: Sight = { kind: 'moved', from: 'light', to: 'torch' };
    const unseen = [write(1, 2, rename('light'), 'unknown'), write(3, 4, rename('torch'), 3), read(5, 6, moved)];
    expect(judge(unseen)).toEqual([]);
    expect(judge([...unseen, read(7, 8, { kind: 'absent', slug: 'light' })])).toEqual(['F1']);
    expect(judge([write(1, 2, rename('light'), 'refused'), write(3, 4, rename('torch'), 2), read(5, 6, moved)])).toEqual(['refused']);
  });

  it('judges the same whether at once or in pieces', () => {
    const { history, found } = openProduct();
    for (let version = 2; version < 60; version += 1) {
      const at = version * 10;
      write(at, at + 4, 1_000 + version, version)(history);
      read(at + 1, at + 12, version - 1)(history);
      read(at + 5, at + 6, version % 7 === 0 ? version - 1 : version)(history);
      history.judge(at - 30, at - 20);
    }
    history.judge(end, end);
    expect(found.map(({ kind }) => kind)).toEqual(Array(8).fill('F1'));
  });

  it('agrees with a checker that compares everything with everything', () => {
    const op = fc.record({
      begin: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 1, max: 15 }),
      version: fc.integer({ min: 1, max: 5 }),
    });
    const lengths = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 14 }), lengths, (reads, writeLengths) => {
        const writes: NaiveWrite[] = writeLengths.map((length, i) => ({ begin: 7 * i + 0.5, end: 7 * i + 0.5 + length, version: i + 2 }));
        const seen: NaiveRead[] = reads.map(({ begin, length, version }) => ({ begin, end: begin + length + 0.25, version }));
        const acts = [
          ...writes.map(({ begin, end: ended, version }) => ({ ended, act: write(begin, ended, 1_000 + version, version) })),
          ...seen.map(({ begin, end: ended, version }) => ({ ended, act: read(begin, ended, version) })),
        ].sort((a, b) => a.ended - b.ended);
        const { history, found } = openProduct();
        for (const { act } of acts) act(history);
        history.judge(end, end);
        expect(found.map(({ kind, op: { begin, end: ended, op: what } }) => `${kind} ${begin} ${ended} ${what}`).sort()).toEqual(
          naiveViolations(1, writes, seen).sort(),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
