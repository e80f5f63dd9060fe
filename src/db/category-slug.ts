import slugify from '@sindresorhus/slugify';
import type { CategoryStep } from '../catalog/product-state.js';

const maxLength = 200;

/**
 * A slug for a new category that is not among `taken`: the one the step brings, or one made from its title; if that is taken, with the
 * parent's in front; if that is taken too, with a number behind.
 */
export function freeSlug(step: CategoryStep, parentSlug: string | undefined, taken: ReadonlySet<string>): string {
  if (step.slug !== undefined && !taken.has(step.slug)) return step.slug;
  const own = slugOf(step.title);
  const candidates = parentSlug === undefined ? [own] : [own, `${parentSlug.slice(0, maxLength)}-${own}`.slice(0, maxLength)];
  const free = candidates.find((slug) => !taken.has(slug));
  if (free !== undefined) return free;
  const stem = candidates.at(-1) ?? own;
  let number = 2;
  while (taken.has(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

/** Latin letters where the title can be written with them, else its own script. */
function slugOf(title: string): string {
  const slug = slugify(title, { decamelize: false }) || slugify(title, { decamelize: false, transliterate: false });
  return (
    slug
      .slice(0, maxLength)
      .replace(/[\uD800-\uDBFF]$/, '')
      .replace(/-$/, '')
      .normalize('NFC') || 'category'
  );
}
