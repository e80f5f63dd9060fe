import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashOf, isSame, keyPattern, makeKey, prefixOf } from '../../src/access/secret.js';

describe('a key', () => {
  it('has a form that can be looked for, a part that may be shown, and 192 bits that may not', () => {
    const { key, prefix, hash } = makeKey();
    expect(key).toMatch(/^ttk_[0-9a-f]{10}_[0-9a-f]{48}$/);
    expect(key).toMatch(keyPattern);
    expect(prefix).toBe(key.slice(0, 14));
    expect(hash).toEqual(createHash('sha256').update(key).digest());
  });

  it('is never made twice', () => {
    const made = Array.from({ length: 2_000 }, makeKey);
    expect(new Set(made.map(({ prefix }) => prefix)).size).toBe(made.length);
    expect(new Set(made.map(({ key }) => key.slice(15))).size).toBe(made.length);
  });

  it('is told from what only looks like one', () => {
    const { key, prefix } = makeKey();
    expect(prefixOf(key)).toBe(prefix);
    for (const other of [prefix, `${key}0`, key.slice(0, -1), key.toUpperCase(), ` ${key}`, key.replace('ttk', 'ttx'), ''])
      expect(prefixOf(other)).toBeUndefined();
  });

  it('is compared as a whole', () => {
    const { key, hash } = makeKey();
    expect(isSame(hashOf(key), hash)).toBe(true);
    expect(isSame(hashOf(`${key.slice(0, -1)}x`), hash)).toBe(false);
    expect(isSame(hash.subarray(1), hash)).toBe(false);
  });
});
