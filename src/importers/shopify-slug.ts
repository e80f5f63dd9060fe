import slugify from '@sindresorhus/slugify';
import { Slug } from '../catalog/text.js';

/** Longer than any handle; what is made of a text takes more than in proportion to its length. */
const maxHandle = 1024;

/** A handle is the slug already, unless it holds something that an URL gives a meaning to. Null where nothing usable is left of it. */
export function slugOf(handle: string): string | null {
  if (handle.length > maxHandle) return null;
  const own = Slug.safeParse(handle);
  if (own.success) return own.data;
  const made = Slug.safeParse(slugify(handle));
  return made.success ? made.data : null;
}
