import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { atMost, line, Slug, text } from '../../src/catalog/text.js';

const accepts = (schema: z.ZodType, value: string) => schema.safeParse(value).success;

const utf16 = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

describe('text', () => {
  it('is counted in characters, as the published maxLength is', () => {
    for (const schema of [text(5), line(5), atMost(5)]) {
      expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({ type: 'string', maxLength: 5 });
      expect(['12345', '🪔🪔🪔🪔🪔'].every((value) => accepts(schema, value))).toBe(true);
      expect(['123456', '🪔🪔🪔🪔🪔🪔'].some((value) => accepts(schema, value))).toBe(false);
    }
  });

  it('holds no NUL and no half of a surrogate pair; a line is not blank either', () => {
    for (const value of ['a\0', '\ud800', 'a\udc00b']) expect(accepts(text(9), value) || accepts(line(9), value)).toBe(false);
    expect([accepts(text(9), ''), accepts(line(9), ''), accepts(line(9), ' \n\u2003')]).toEqual([true, false, false]);
    expect(line(9).parse('  a b ')).toBe('a b');
    const pieces = fc.array(fc.constantFrom('\0', ' ', '\n', '\u2003', '\ufeff', 'a', '🪔'), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, (all) => {
        const value = all.join('');
        expect(accepts(line(99), value)).toBe(!value.includes('\0') && value.trim() !== '');
      }),
    );
  });
});

describe('a slug', () => {
  it('is one segment of a path and survives its way through a URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: utf16, maxLength: 20 }), (value) => {
        fc.pre(accepts(Slug, value));
        const { pathname } = new URL(`http://shop.example/v1/products/${encodeURIComponent(value)}`);
        expect(decodeURIComponent(pathname.slice('/v1/products/'.length))).toBe(value);
      }),
    );
  });

  it.each(['a', '...', '.a', '..a', 'ä&ö', '緑', 'a_b~c', 'a'.repeat(255)])('may be %s', (slug) => {
    expect(accepts(Slug, slug)).toBe(true);
  });

  it.each(['', '.', '..', 'a b', 'a/b', 'a?b', 'a#b', 'a%b', 'a\\b', 'a\tb', '\0', '\ud800', 'a'.repeat(256)])('may not be %j', (slug) => {
    expect(accepts(Slug, slug)).toBe(false);
  });
});
