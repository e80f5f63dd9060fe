import slugify from '@sindresorhus/slugify';
import { v7 as uuidv7 } from 'uuid';
import { sanitizeDescription } from './html.js';
import type { StoredPrice } from './money.js';
import { fitOptions } from './option-editor.js';
import { editPrices } from './price-editor.js';
import { limits, type ProductPatch, type VariantEdit } from './product-input.js';
import type { ProductState, VariantState } from './product-state.js';
import { refuseDuplicates, unusable } from './unusable.js';

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
  refuseDuplicates(
    media.map(({ url }) => url),
    'media',
    'url',
  );
  checkAttributes(patch.attributes);
  const edited: ProductState = {
    ...state,
    title,
    slug: patch.slug ?? (state.slug || slugOf(title)),
    description: patch.description === undefined ? state.description : editDescription(state.description, patch.description),
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
  refuseDuplicates(
    (patch.variants ?? []).flatMap(({ id }) => id ?? []),
    'variants',
    'id',
  );
  const variants = (patch.variants ?? state.variants).map((input, index) => editVariant(input, index, known, defaultCurrency));
  return { ...edited, ...fitOptions(edited.options, variants) };
}

/** What stands was sanitised once and comes back as it is: escaping may have made it longer than a new text may be. */
function editDescription(stands: string, html: string): string {
  if (html === stands) return stands;
  if (html.length > limits.description) throw unusable('description', `must have at most ${limits.description} characters`);
  return sanitizeDescription(html);
}

function editCategories(stands: ProductState['categories'], wanted: { slug: string; title?: string | undefined }[]): ProductState['categories'] {
  refuseDuplicates(
    wanted.map(({ slug }) => slug),
    'categories',
    'slug',
  );
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
    prices: editPrices(
      'price' in input ? input : { prices: input.prices as StoredPrice[] | undefined },
      index,
      stands?.prices ?? [],
      defaultCurrency,
    ),
    quantity: input.quantity ?? stands?.quantity ?? 0,
    policy: input.policy ?? stands?.policy ?? 'deny',
  };
}

function titleOf(options: Record<string, string>): string {
  return cut(Object.values(options).join(' / '), 1024) || 'Default Title';
}

/** Latin letters where the title can be written with them, else its own script. */
function slugOf(title: string): string {
  const slug = cut(slugify(title, { decamelize: false }) || slugify(title, { decamelize: false, transliterate: false }), 255)
    .replace(/-$/, '')
    .normalize('NFC');
  if (slug === '') throw unusable('slug', 'cannot be made of this title: send one');
  return slug;
}

/** By code points: half a surrogate pair cannot be stored. */
function cut(value: string, max: number): string {
  return value.length <= max ? value : Array.from(value).slice(0, max).join('');
}

function checkAttributes(attributes: ProductPatch['attributes']) {
  if (!attributes) return;
  let isStorable = true;
  const json = JSON.stringify(attributes, (key, value) => {
    for (const part of [key, value]) if (typeof part === 'string' && (part.includes('\0') || !part.isWellFormed())) isStorable = false;
    return value;
  });
  if (!isStorable) throw unusable('attributes', 'must not contain a NUL character or half a surrogate pair');
  if (json.length > limits.attributesBytes) throw unusable('attributes', `must be at most ${limits.attributesBytes} characters of JSON`);
}
