import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admitsVersion, listingETag, matchesNone, productETag } from '../../src/catalog/etag.js';

const version = fc.integer({ min: 1, max: 2 ** 40 });

describe('the validators', () => {
  it('match themselves in any list, strong or weak, and no other version', () => {
    fc.assert(
      fc.property(version, version, fc.array(fc.stringMatching(/^(W\/)?"[a-z]{0,5}"$/)), fc.boolean(), (a, b, others, isWeak) => {
        const etag = productETag(a, 1);
        const list = [...others, `${isWeak ? 'W/' : ''}${etag}`].toReversed().join(' , ');
        expect(matchesNone(list, etag)).toBe(true);
        expect(matchesNone(list, productETag(b, 1))).toBe(a === b);
        expect(matchesNone(etag, productETag(a, 2))).toBe(false);
      }),
    );
  });

  it('match by * always, and never where there is no header', () => {
    expect(matchesNone('*', '"1.1"')).toBe(true);
    expect(matchesNone(undefined, '"1.1"')).toBe(false);
    expect(matchesNone('W/*', '"1.1"')).toBe(false);
  });

  it('admit a change by the ETag of any shape, by the bare version and by *, never by a weak one', () => {
    fc.assert(
      fc.property(version, version, fc.nat(99), (a, b, shape) => {
        for (const header of [`"${a}"`, `"${a}.${shape}"`, `"x","${a}"`]) {
          expect(admitsVersion(header, a)).toBe(true);
          expect(admitsVersion(header, b)).toBe(a === b);
          expect(admitsVersion(`W/${header}`, a)).toBe(header.startsWith('"x"'));
        }
      }),
    );
    expect(admitsVersion('*', 1)).toBe(true);
    expect(admitsVersion(undefined, 1)).toBe(true);
    expect(admitsVersion('', 1)).toBe(false);
    expect(admitsVersion('"1.1x"', 1)).toBe(false);
  });

  it('of a listing move with order, versions, the next page and the shape, and with nothing else', () => {
    const [a, b] = [
      { id: 'a', version: 1 },
      { id: 'b', version: 1 },
    ];
    const etags = [
      listingETag([a, b], null, 1),
      listingETag([b, a], null, 1),
      listingETag([a, { ...b, version: 2 }], null, 1),
      listingETag([a, b], 'c', 1),
      listingETag([a, b], null, 2),
      listingETag([a], null, 1),
    ];
    expect(new Set(etags).size).toBe(etags.length);
    expect(listingETag([{ ...a }, { ...b }], null, 1)).toBe(etags[0]);
    for (const etag of etags) expect(etag).toMatch(/^"[\w-]{27}"$/);
  });
});
