import slugify from '@sindresorhus/slugify';
import { Slug } from '../catalog/text.js';

/** A handle is the slug already, unless it holds something that an URL gives a meaning to. Null where nothing usable is left of it. */
export function slugOf(handle: string): string | null {
  if (Slug.safeParse(handle).success) return handle;
  const slug = slugify(handle);
  return slug !== '' && Slug.safeParse(slug).success ? slug : null;
}
