import { v7 as newId } from 'uuid';
import type { ProductState } from '../catalog/product-state.js';
import { AppError } from '../errors.js';

/**
 * The rows of a batch of products, table by table, with the column names of the database. They travel as JSON and become records again
 * in SQL, so that a batch of any size is one parameter of one statement per table.
 */
export function rowsOf(states: readonly ProductState[]) {
  const variants = states.flatMap((state) => state.variants.map((variant) => ({ ...variant, product_id: state.id })));
  const optionIds = new Map(states.map((state) => [state.id, new Map(state.options.map(({ name }) => [name, newId()]))]));
  return {
    products: states.map(({ id, slug, title, description, brand, status, attributes, createdAt, ...state }) => ({
      ...{ id, slug, title, description, brand, status, attributes },
      search_text: searchText({ brand, ...state }),
      created_at: createdAt,
    })),
    variants: variants.map(({ id, product_id, sku, barcode, title, position, quantity, policy }) => ({
      id,
      product_id,
      sku,
      barcode,
      title,
      position,
      quantity,
      policy,
    })),
    prices: variants.flatMap(({ id, prices }) =>
      prices.map(({ currency, amount, compareAt }) => ({ id: newId(), variant_id: id, currency, amount, compare_at: compareAt })),
    ),
    options: states.flatMap((state) =>
      state.options.map(({ name, values }, position) => ({ id: optionIds.get(state.id)?.get(name), product_id: state.id, name, position, values })),
    ),
    variantOptions: variants.flatMap((variant) =>
      Object.entries(variant.options).map(([name, value]) => ({
        variant_id: variant.id,
        option_id: optionId(optionIds.get(variant.product_id), name),
        value,
      })),
    ),
    tags: states.flatMap((state) => state.tags.map((tag, position) => ({ product_id: state.id, tag, position }))),
    media: states.flatMap((state) => state.media.map((media) => ({ ...media, id: newId(), product_id: state.id }))),
  };
}

export type Rows = ReturnType<typeof rowsOf>;

function optionId(ids: Map<string, string> | undefined, name: string): string {
  const id = ids?.get(name);
  if (id === undefined) throw new AppError('unusable', `A variant has the option ${name}, which is none of its product's`);
  return id;
}

/** What a search finds besides title, description and categories, whose titles are the database's. */
function searchText({ brand, tags, variants }: Pick<ProductState, 'brand' | 'tags' | 'variants'>): string {
  return [...new Set([brand, ...tags, ...variants.map(({ sku }) => sku)])].filter((part) => part).join(' ');
}
