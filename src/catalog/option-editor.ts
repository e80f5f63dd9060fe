import { limits } from './product-input.js';
import type { ProductState, VariantState } from './product-state.js';
import { refuseDuplicates, unusable } from './unusable.js';

/**
 * Options and variants that fit: every variant has one value for every option, no two variants have the same values, and each option lists the
 * values in use. Where a product has no options yet, its variants bring them. Throws `unusable`.
 */
export function fitOptions(options: ProductState['options'], variants: VariantState[]): Pick<ProductState, 'options' | 'variants'> {
  const named = options.length > 0 ? options : Object.keys(variants[0]?.options ?? {}).map((name) => ({ name, values: [] as string[] }));
  if (named.length > limits.options) throw unusable('options', `must be at most ${limits.options}`);
  refuseDuplicates(
    named.map(({ name }) => name),
    'options',
    'name',
  );
  variants.forEach((variant, index) => {
    for (const name of Object.keys(variant.options)) {
      if (!named.some((option) => option.name === name))
        throw unusable(`variants.${index}.options`, `names "${name}", which is not an option of the product`);
    }
    for (const { name } of named) {
      if (!Object.hasOwn(variant.options, name)) throw unusable(`variants.${index}.options`, `has no value for "${name}"`);
    }
  });
  refuseDuplicates(
    variants.map((variant) => JSON.stringify(named.map(({ name }) => variant.options[name]))),
    'variants',
    'options',
  );
  return {
    options: named.map(({ name, values }) => ({
      name,
      values: [...new Set([...values, ...variants.map((variant) => variant.options[name] ?? '')])],
    })),
    variants: variants
      .map((variant) => ({ ...variant, options: Object.fromEntries(named.map(({ name }) => [name, variant.options[name] ?? ''])) }))
      .sort((a, b) => a.position - b.position),
  };
}
