import type { ProductState } from './product-state.js';

/**
 * Every lookup whose answer a write of this product may change: its id, the slug it has, the one it had, and the old ones that lead to it
 * before or after.
 */
export function keysOf(state: ProductState, before?: ProductState): string[] {
  const slugs = [state, before].flatMap((of) => (of ? [of.slug, ...of.previousSlugs] : []));
  return [`id:${state.id}`, ...new Set(slugs.map((slug) => `slug:${slug}`))];
}
