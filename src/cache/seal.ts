import { createHash } from 'node:crypto';

/**
 * Text on its way into Redis, marked with a checksum of itself and of what it belongs to (its key, its version). A text that was cut,
 * edited or put under another name is then a miss; without the mark it would be an error, or worse an answer, until its life ends.
 */
export function seal(text: string, ...owner: (string | number)[]): string {
  return `${mark(text, owner)} ${text}`;
}

/** The text, or null where it is not what was sealed for this owner. */
export function unseal(sealed: string, ...owner: (string | number)[]): string | null {
  const text = sealed.slice(markLength + 1);
  return sealed.slice(0, markLength) === mark(text, owner) ? text : null;
}

const markLength = 16;

function mark(text: string, owner: readonly (string | number)[]): string {
  return createHash('sha1')
    .update(`${owner.join(' ')}\n`)
    .update(text)
    .digest('base64url')
    .slice(0, markLength);
}
