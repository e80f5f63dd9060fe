import type { ProductState, VariantState } from '../catalog/product-state.js';

/**
 * One product as one line of the export, with the line feed. The same state always gives the same bytes: fields stand in a fixed order, names
 * inside `attributes` in the order of their code units, option values in the order of the product's options.
 */
export function formatNdjson(state: ProductState): string {
  const line = {
    id: state.id,
    slug: state.slug,
    title: state.title,
    description: state.description,
    brand: state.brand,
    status: state.status,
    categories: state.categories.map((path) => path.map(({ slug, title }) => (slug === undefined ? { title } : { slug, title }))),
    tags: state.tags,
    options: state.options.map(({ name, values }) => ({ name, values })),
    attributes: sorted(state.attributes),
    media: state.media.map(({ url, alt, position }) => ({ url, alt, position })),
    variants: state.variants.map((variant) => formatVariant(variant, state.options)),
    previousSlugs: state.previousSlugs.toSorted(),
    createdAt: state.createdAt,
  };
  return `${JSON.stringify(line)}\n`;
}

function formatVariant(variant: VariantState, options: ProductState['options']) {
  const order = new Map(options.map(({ name }, index) => [name, index]));
  return {
    id: variant.id,
    sku: variant.sku,
    barcode: variant.barcode,
    title: variant.title,
    options: Object.fromEntries(Object.entries(variant.options).sort(([a], [b]) => (order.get(a) ?? 0) - (order.get(b) ?? 0))),
    position: variant.position,
    prices: variant.prices
      .map(({ currency, amount, compareAt }) => ({ currency, amount, compareAt }))
      .sort((a, b) => (a.currency < b.currency ? -1 : 1)),
    quantity: variant.quantity,
    policy: variant.policy,
  };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
