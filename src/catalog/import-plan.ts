import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../errors.js';
import type { ImportedProduct } from './import.js';
import type { ProductState, VariantState } from './product-state.js';
import { isSameState } from './same-state.js';

export type Verdict = 'created' | 'updated' | 'unchanged';

const strength: readonly Verdict[] = ['unchanged', 'updated', 'created'];

/** The one of two verdicts on the same product that says more. */
export function stronger(a: Verdict, b: Verdict | undefined): Verdict {
  return b !== undefined && strength.indexOf(b) > strength.indexOf(a) ? b : a;
}

/** A product that the file changes: as it shall be, and as it stood, undefined where it is new. */
export interface Change {
  product: ImportedProduct;
  state: ProductState;
  before: ProductState | undefined;
}

/** What a chunk of a file does to the products that stand: a verdict per product, in its order, and the changes. */
export function planImport(
  chunk: readonly ImportedProduct[],
  stands: readonly ProductState[],
  now: Date,
): { verdicts: Verdict[]; changes: Change[] } {
  const bySlug = new Map(stands.map((state) => [state.slug, state]));
  const byId = new Map(stands.map((state) => [state.id, state]));
  const verdicts: Verdict[] = [];
  const changes: Change[] = [];
  for (const product of chunk) {
    const before = (product.id && byId.get(product.id)) || bySlug.get(product.slug);
    const state = merge(before, product, now);
    const isSame = before !== undefined && isSameState(before, state);
    verdicts.push(before ? (isSame ? 'unchanged' : 'updated') : 'created');
    if (!isSame) changes.push({ product, state, before });
  }
  return { verdicts, changes };
}

/**
 * The same changes upon the products as they stand now, under a lock. Throws `keys_moved` where a slug has come into use since, which
 * the plan knew nothing of.
 */
export function remerge(changes: readonly Change[], locked: readonly ProductState[], now: Date): ProductState[] {
  const byId = new Map(locked.map((state) => [state.id, state]));
  const planned = new Set(changes.map(({ state }) => state.id));
  if (locked.some(({ id }) => !planned.has(id))) throw new AppError('keys_moved', 'A product of this slug was created meanwhile; try again');
  return changes.map(({ product, state }) => {
    const stands = byId.get(state.id);
    return stands ? merge(stands, product, now) : state;
  });
}

/** The state that the file asks for. What the file does not speak of stays: ids, other currencies, the day of creation, old slugs. */
function merge(stands: ProductState | undefined, { line: _, pricesCover, variants, ...product }: ImportedProduct, now: Date): ProductState {
  const free = new Set(stands?.variants ?? []);
  const take = (fits: (variant: VariantState) => boolean) => {
    const found = [...free].find(fits);
    if (found) free.delete(found);
    return found;
  };
  const paired = variants.map((variant) => ({ variant, twin: take((v) => (variant.id ? v.id === variant.id : isSameChoice(v, variant))) }));
  // What was renamed in the shop's admin keeps its id by SKU.
  for (const pair of paired) pair.twin ??= pair.variant.sku === null ? undefined : take((v) => v.sku === pair.variant.sku);
  return {
    ...product,
    id: stands?.id ?? product.id ?? uuidv7(),
    createdAt: product.createdAt ?? stands?.createdAt ?? now.toISOString(),
    previousSlugs: product.previousSlugs ?? stands?.previousSlugs ?? [],
    variants: paired.map(({ variant, twin }) => ({
      ...variant,
      id: twin?.id ?? variant.id ?? uuidv7(),
      prices:
        pricesCover === 'all'
          ? variant.prices
          : [...variant.prices, ...(twin?.prices ?? []).filter(({ currency }) => currency !== pricesCover)].sort((a, b) =>
              a.currency < b.currency ? -1 : 1,
            ),
    })),
  };
}

function isSameChoice(a: Pick<VariantState, 'options'>, b: Pick<VariantState, 'options'>): boolean {
  const names = Object.keys(a.options);
  return names.length === Object.keys(b.options).length && names.every((name) => a.options[name] === b.options[name]);
}
