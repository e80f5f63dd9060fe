import type { ProductState } from './product-state.js';

/** Whether two states of one product mean the same to a merchant. A category is its path; a step without a slug is known by its title. */
export function isSameState(a: ProductState, b: ProductState): boolean {
  const { categories: ofA, ...restOfA } = a;
  const { categories: ofB, ...restOfB } = b;
  return isSame(restOfA, restOfB) && ofA.length === ofB.length && ofA.every((path, i) => isSamePath(path, ofB[i] ?? []));
}

function isSamePath(a: ProductState['categories'][number], b: ProductState['categories'][number]): boolean {
  const lastA = a.at(-1);
  const lastB = b.at(-1);
  if (lastA?.slug !== undefined && lastB?.slug !== undefined) return lastA.slug === lastB.slug;
  return a.length === b.length && a.every((step, i) => fold(step.title) === fold(b[i]?.title ?? ''));
}

/**
 * Whether two values would be the same JSON but for the order of keys; the order of lists counts. Without a copy of either, because a large
 * import asks this of every product.
 */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => isSame(value, b[i]));
  }
  return hasAllOf(a as Fields, b as Fields) && hasAllOf(b as Fields, a as Fields);
}

type Fields = Record<string, unknown>;

/** A field that is undefined is none. Own fields only: one may be named `constructor`. */
function hasAllOf(a: Fields, b: Fields): boolean {
  return Object.keys(a).every((key) => a[key] === undefined || (Object.hasOwn(b, key) && isSame(a[key], b[key])));
}

function fold(title: string): string {
  return title.toLowerCase();
}
