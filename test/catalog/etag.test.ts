import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admitsVersion, listingETag, matchesNone, pageETag, productETag } from '../../src/catalog/etag.js';

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

  it('of a page move with the version, the write that made it and the shape, begin with the version, and admit a change', () => {
    const made = { version: 7, token: '0b54ad4c-7fd1-4a5c-9d0a-b1f1f27b6c11' };
    const etag = pageETag(made, 1);
    expect(etag).toMatch(/^"7\.1\d{15}"$/);
    expect(pageETag({ ...made }, 1)).toBe(etag);
    const others = [pageETag({ ...made, version: 8 }, 1), pageETag(made, 2), pageETag({ ...made, token: made.token.replace('0', '1') }, 1)];
    expect(new Set([etag, ...others]).size).toBe(4);
    expect([admitsVersion(etag, 7), admitsVersion(etag, 8)]).toEqual([true, false]);
  });

  it('of a listing move with order, versions, the next page and the shape, and with nothing else', () => {
    const [a, b] = [
      { id: 'a', version: 1, token: 'x' },
      { id: 'b', version: 1, token: 'x' },
    ];
    const etags = [
      listingETag([a, b], null, 1),
      listingETag([b, a], null, 1),
      listingETag([a, { ...b, version: 2 }], null, 1),
      listingETag([a, { ...b, token: 'y' }], null, 1),
      listingETag([a, b], 'c', 1),
      listingETag([a, b], null, 2),
      listingETag([a], null, 1),
    ];
    expect(new Set(etags).size).toBe(etags.length);
    expect(listingETag([{ ...a }, { ...b }], null, 1)).toBe(etags[0]);
    for (const etag of etags) expect(etag).toMatch(/^"[\w-]{27}"$/);
  });
});
