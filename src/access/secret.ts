import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A key is `ttk_<id>_<secret>`: a form that secret scanners can look for (`keyPattern`), 40 bits that name it and may be seen, 192 bits that
 * nobody can guess.
 */
export const keyPattern = /^(ttk_[0-9a-f]{10})_[0-9a-f]{48}$/;

export function makeKey(): { key: string; prefix: string; hash: Buffer } {
  const prefix = `ttk_${randomBytes(5).toString('hex')}`;
  const key = `${prefix}_${randomBytes(24).toString('hex')}`;
  return { key, prefix, hash: hashOf(key) };
}

/** The part of a key that may be shown; undefined for whatever is none. */
export function prefixOf(key: string): string | undefined {
  return keyPattern.exec(key)?.[1];
}

/**
 * What is kept of a key. A slow hash makes up for a password that can be guessed; against 192 random bits it would only slow down every
 * request (NIST SP 800-63B-4 section 3.1.2 asks for it below 112 bits).
 */
export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** In a time that tells nothing of where they differ. */
export function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
