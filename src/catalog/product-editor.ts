import slugify from '@sindresorhus/slugify';
import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../errors.js';
import { sanitizeDescription } from './html.js';
import { requireCurrency, type StoredPrice } from './money.js';
import { limits, type ProductPatch, type VariantEdit } from './product-input.js';
import type { ProductState, VariantState } from './product-state.js';

/** A product that has nothing yet: a draft under a new id, without a title. */
export function blankProduct(now: Date): ProductState {
  return {
    id: uuidv7(),
    slug: '',
    title: '',
    description: '',
    brand: null,
    status: 'draft',
    categories: [],
    tags: [],
    options: [],
    attributes: {},
    media: [],
    variants: [],
    previousSlugs: [],
    createdAt: now.toISOString(),
  };
}

/**
 * The state after a change. Throws `unusable` for a change that contradicts itself (options and variants that do not fit, a variant of
 * another product, the same option values twice) and `unknown_currency`.
 */
export function applyPatch(state: ProductState, patch: ProductPatch, defaultCurrency: string): ProductState {
  const title = patch.title ?? state.title;
  const media = patch.media?.map((item, index) => ({ url: item.url, alt: item.alt ?? null, position: item.position ?? index + 1 })) ?? state.media;
  refuseDuplicates(media.map(({ url }) => url), 'media', 'url');
  checkAttributes(patch.attributes);
  const edited: ProductState = {
    ...state,
    title,
    slug: patch.slug ?? (state.slug || slugOf(title)),
    description: patch.description === undefined ? state.description : editDescription(patch.description),
    brand: patch.brand === undefined ? state.brand : patch.brand,
    status: patch.status ?? state.status,
    categories: patch.categories ? editCategories(state.categories, patch.categories) : state.categories,
    tags: patch.tags ? [...new Set(patch.tags)] : state.tags,
    attributes: patch.attributes ?? state.attributes,
    media: [...media].sort((a, b) => a.position - b.position),
    options: patch.options ?? state.options,
  };
  if (!patch.variants && !patch.options) return edited;
  const known = new Map(state.variants.map((variant) => [variant.id, variant]));
  refuseDuplicates((patch.variants ?? []).flatMap(({ id }) => id ?? []), 'variants', 'id');
  const variants = (patch.variants ?? state.variants).map((input, index) => editVariant(input, index, known, defaultCurrency));
  return { ...edited, ...fitOptions(edited.options, variants) };
}

function editDescription(html: string): string {
  const description = sanitizeDescription(html);
  // Escaping makes a text longer, and what is stored has to pass when it comes back.
  if (description.length > limits.sanitizedDescription) throw unusable('description', `must have at most ${limits.sanitizedDescription} characters once its HTML is sanitised`);
  return description;
}

function editCategories(stands: ProductState['categories'], wanted: { slug: string; title?: string | undefined }[]): ProductState['categories'] {
  refuseDuplicates(wanted.map(({ slug }) => slug), 'categories', 'slug');
  return wanted.map(({ slug, title }) => stands.find((path) => path.at(-1)?.slug === slug) ?? [{ slug, title: title ?? '' }]);
}

function editVariant(input: VariantEdit | VariantState, index: number, known: Map<string, VariantState>, defaultCurrency: string): VariantState {
  const stands = input.id === undefined ? undefined : known.get(input.id);
  if (input.id !== undefined && !stands) {
    throw unusable(`variants.${index}.id`, 'is not a variant of this product; leave the id out to add a new one');
  }
  const options = input.options ?? stands?.options ?? {};
  return {
    id: stands?.id ?? uuidv7(),
    sku: input.sku === undefined ? (stands?.sku ?? null) : input.sku,
    barcode: input.barcode === undefined ? (stands?.barcode ?? null) : input.barcode,
    title: input.title ?? (input.options ? titleOf(options) : (stands?.title ?? titleOf(options))),
    options,
    position: input.position ?? index + 1,
    prices: editPrices('price' in input ? input : { prices: input.prices as StoredPrice[] | undefined }, index, stands?.prices ?? [], defaultCurrency),
    quantity: input.quantity ?? stands?.quantity ?? 0,
    policy: input.policy ?? stands?.policy ?? 'deny',
  };
}

/** `prices` says all of them, `price` one. A document that was read, edited and sent back holds both, and then they have to agree. */
function editPrices(input: Pick<VariantEdit, 'price' | 'prices'>, index: number, stands: StoredPrice[], defaultCurrency: string): StoredPrice[] {
  const stored = (price: NonNullable<VariantEdit['price']>, kept: number | null = null): StoredPrice => ({
    currency: requireCurrency(price.currency),
    amount: price.amount,
    compareAt: price.compareAt === undefined ? kept : price.compareAt,
  });
  const byCurrency = (a: StoredPrice, b: StoredPrice) => (a.currency < b.currency ? -1 : 1);
  if (input.prices) {
    refuseDuplicates(input.prices.map(({ currency }) => currency), `variants.${index}.prices`, 'currency');
    const all = input.prices.map((price) => stored(price)).sort(byCurrency);
    const { price } = input;
    const twin = price && all.find(({ currency }) => currency === price.currency);
    if (price && (twin?.amount !== price.amount || (price.compareAt !== undefined && twin.compareAt !== price.compareAt))) {
      throw unusable(`variants.${index}.price`, `says something else than prices does for ${price.currency}; send one of the two`);
    }
    return all;
  }
  if (input.price === undefined) return stands;
  const currency = input.price?.currency ?? defaultCurrency;
  const others = stands.filter((price) => price.currency !== currency);
  if (input.price === null) return others;
  return [...others, stored(input.price, stands.find((price) => price.currency === currency)?.compareAt)].sort(byCurrency);
}

/** Every variant has one value for every option, no two variants have the same values, and each option lists the values in use. */
function fitOptions(options: ProductState['options'], variants: VariantState[]): Pick<ProductState, 'options' | 'variants'> {
  const named = options.length > 0 ? options : Object.keys(variants[0]?.options ?? {}).map((name) => ({ name, values: [] as string[] }));
  refuseDuplicates(named.map(({ name }) => name), 'options', 'name');
  variants.forEach((variant, index) => {
    for (const name of Object.keys(variant.options)) {
      if (!named.some((option) => option.name === name)) throw unusable(`variants.${index}.options`, `names "${name}", which is not an option of the product`);
    }
    for (const { name } of named) {
      if (!Object.hasOwn(variant.options, name)) throw unusable(`variants.${index}.options`, `has no value for "${name}"`);
    }
  });
  refuseDuplicates(variants.map((variant) => JSON.stringify(named.map(({ name }) => variant.options[name]))), 'variants', 'options');
  return {
    options: named.map(({ name, values }) => ({ name, values: [...new Set([...values, ...variants.map((variant) => variant.options[name] ?? '')])] })),
    variants: variants
      .map((variant) => ({ ...variant, options: Object.fromEntries(named.map(({ name }) => [name, variant.options[name] ?? ''])) }))
      .sort((a, b) => a.position - b.position),
  };
}

function titleOf(options: Record<string, string>): string {
  return cut(Object.values(options).join(' / '), 1024) || 'Default Title';
}

/** Latin letters where the title can be written with them, else its own script. */
function slugOf(title: string): string {
  const slug = cut(slugify(title, { decamelize: false }) || slugify(title, { decamelize: false, transliterate: false }), 255).replace(/-+$/, '');
  if (slug === '') throw unusable('slug', 'cannot be made of this title: send one');
  return slug;
}

/** By code points: half a surrogate pair cannot be stored. */
function cut(value: string, max: number): string {
  return value.length <= max ? value : Array.from(value).slice(0, max).join('');
}

function checkAttributes(attributes: ProductPatch['attributes']) {
  if (!attributes) return;
  const json = JSON.stringify(attributes);
  if (json.length > limits.attributesBytes) throw unusable('attributes', `must be at most ${limits.attributesBytes} characters of JSON`);
  if (/\\u0000|\\ud[89a-f]/i.test(json)) throw unusable('attributes', 'must not contain a NUL character or half a surrogate pair');
}

function refuseDuplicates(values: readonly string[], path: string, field: string) {
  const seen = new Set<string>();
  values.forEach((value, index) => {
    if (seen.has(value)) throw unusable(`${path}.${index}.${field}`, 'stands twice');
    seen.add(value);
  });
}

function unusable(path: string, message: string): AppError {
  return new AppError('unusable', `${path} ${message}`, { faults: [{ path, message }] });
}
