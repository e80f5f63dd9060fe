import { isDeepStrictEqual } from 'node:util';
import type { ProductState } from './product-state.js';

/** Whether two states of one product mean the same to a merchant. A category is its path; a step without a slug is known by its title. */
export function isSameState(a: ProductState, b: ProductState): boolean {
  const { categories: ofA, ...restOfA } = a;
  const { categories: ofB, ...restOfB } = b;
  return isDeepStrictEqual(plain(restOfA), plain(restOfB)) && ofA.length === ofB.length && ofA.every((path, i) => isSamePath(path, ofB[i] ?? []));
}

function isSamePath(a: ProductState['categories'][number], b: ProductState['categories'][number]): boolean {
  const lastA = a.at(-1);
  const lastB = b.at(-1);
  if (lastA?.slug !== undefined && lastB?.slug !== undefined) return lastA.slug === lastB.slug;
  return a.length === b.length && a.every((step, i) => fold(step.title) === fold(b[i]?.title ?? ''));
}

/** Prototypes and the order of keys do not count; the order of lists does. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function fold(title: string): string {
  return title.toLowerCase();
}
