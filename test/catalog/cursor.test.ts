import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCursors } from '../../src/catalog/cursor.js';
import type { ListingPosition, ListingQuery } from '../../src/catalog/listing.js';
import { isAppError } from '../../src/errors.js';

const query: ListingQuery = { options: { Size: 'M', Colour: 'Red' }, currency: 'USD', sort: 'title', limit: 24, tag: 'oak' };
const position = fc.record({
  key: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 1024 }),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((key) => !Object.is(key, -0)),
    fc.constant(null),
  ),
  id: fc.uuid({ version: 7 }),
}) satisfies fc.Arbitrary<ListingPosition>;

const utf16 = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

describe('a cursor', () => {
  const cursors = createCursors('secret');

  it('leads back to its place, on every instance, whatever the page size and the order of the options', () => {
    fc.assert(
      fc.property(position, (place) => {
        const cursor = cursors.encode(query, place);
        expect(cursor).toMatch(/^[\w-]+\.[\w-]+$/);
        expect(createCursors('secret').decode({ ...query, limit: 1, options: { Colour: 'Red', Size: 'M' } }, cursor)).toEqual(place);
      }),
    );
  });

  it('is refused for every other question', () => {
    const cursor = cursors.encode(query, { key: 'a', id: '0198c000-0000-7000-8000-000000000000' });
    const others: Partial<ListingQuery>[] = [
      { sort: 'newest' },
      { currency: 'EUR' },
      { tag: 'wool' },
      { options: { Size: 'M' } },
      { options: {} },
      { q: 'a' },
      { available: false },
      { priceMin: 0 },
    ];
    for (const other of others) expect(codeOf(() => cursors.decode({ ...query, ...other }, cursor))).toBe('unknown_cursor');
  });

  it('is refused where it was forged, cut, taken from elsewhere or made up', () => {
    const cursor = cursors.encode(query, { key: 'a', id: '0198c000-0000-7000-8000-000000000000' });
    const unknown = (text: string, by = cursors) => {
      expect(codeOf(() => by.decode(query, text))).toBe('unknown_cursor');
    };
    unknown(cursor, createCursors('another secret'));
    for (const more of ['A', '=', '!', ' ', '.', '.x', '\n']) unknown(`${cursor}${more}`);
    unknown(` ${cursor}`);
    fc.assert(fc.property(fc.string({ unit: utf16, maxLength: 60 }), (text) => unknown(text)));
    fc.assert(
      fc.property(fc.nat(cursor.indexOf('.') - 1), fc.constantFrom('A', 'z', '0', '-'), (at, letter) => {
        fc.pre(cursor[at] !== letter);
        unknown(cursor.slice(0, at) + letter + cursor.slice(at + 1));
        unknown(cursor.slice(0, at));
      }),
    );
  });
});

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return isAppError(error) ? error.code : error;
  }
}
