import type { VersionState, Violation } from './history.js';
import { createProductHistory, type ProductHistory } from './product-history.js';

/** A product of the run and all that the run has asked of it. */
export interface Tracked {
  readonly name: string;
  readonly history: ProductHistory;
  /** Unknown until its creation was answered. */
  id: string | null;
  variantIds: string[];
  /** The slug it has, as far as the run knows; slugs it had; one that a rename under way will give it. */
  slug: string;
  pastSlugs: string[];
  comingSlug: string | null;
  isActive: boolean;
  /** Renames and archivals of one product come from one writer at a time. */
  isMoving: boolean;
  /** Writes under way: readers go where they are. */
  openWrites: number;
}

export interface Shop {
  products: Tracked[];
  /** Whose prices change; the first few more than the others. */
  priced: Tracked[];
  /** Of these, what is always on sale under one slug. */
  steady: Tracked[];
  /** The others, that are renamed, archived, restored; new ones join them. */
  movers: Tracked[];
  /** Never written, so that its reads show how fast an instance is when nothing happens. */
  still: Tracked;
  /** Every slug that was ever asked for belongs to one product for good. */
  ownerOf(slug: string): Tracked | undefined;
  claim(slug: string, product: Tracked): void;
  /** A product that does not exist yet. */
  announce(): Tracked;
  /** Those that were created during the run included. */
  all(): Iterable<Tracked>;
  nextAmount(): number;
  nextSlug(of: Tracked): string;
  /** One that no product had before. */
  nextTitle(of: Tracked): string;
}

export const brand = 'Truth';
export const currency = 'USD';

/** @param created products as the service answered their creation before the run */
export function createShop(created: CreatedProduct[], moverCount: number, onViolation: (violation: Violation) => void): Shop {
  const owners = new Map<string, Tracked>();
  const all: Tracked[] = [];
  let amounts = 1_000_000;
  let names = created.length;
  let slugs = 0;
  let titles = 0;

  function track(name: string, slug: string, version: number, initial: VersionState): Tracked {
    const history = createProductHistory(name, version, initial, onViolation);
    const product: Tracked = {
      name,
      history,
      id: null,
      variantIds: [],
      slug,
      pastSlugs: [],
      comingSlug: null,
      isActive: true,
      isMoving: false,
      openWrites: 0,
    };
    owners.set(slug, product);
    all.push(product);
    return product;
  }

  const products = created.map(({ id, slug, version, variants }) => {
    const initial = { exists: true, slug, isActive: true, amounts: variants.map(({ price }) => price.amount) };
    return Object.assign(track(slug, slug, version, initial), { id, variantIds: variants.map((variant) => variant.id) });
  });
  const [still, ...rest] = products;
  if (!still) throw new Error('a shop needs products');
  return {
    products,
    priced: rest,
    steady: rest.slice(0, -moverCount),
    movers: rest.slice(-moverCount),
    still,
    ownerOf: (slug) => owners.get(slug),
    claim: (slug, product) => void owners.set(slug, product),
    announce() {
      const name = `truth-${++names}`;
      return track(name, name, 0, { exists: false, slug: undefined, isActive: undefined, amounts: [undefined, undefined] });
    },
    all: () => all,
    nextAmount: () => ++amounts,
    nextSlug: (of) => `${of.name}-r${++slugs}`,
    nextTitle: (of) => `Product ${of.name} ${++titles}`,
  };
}

export interface CreatedProduct {
  id: string;
  slug: string;
  version: number;
  status: string;
  variants: { id: string; price: { amount: number } }[];
}

/** What is sent to create one: two variants, so that an answer that mixes two versions can show it. */
export function newProduct(name: string, amounts: readonly number[]): object {
  const sizes = ['S', 'M'];
  return {
    title: `Product ${name}`,
    slug: name,
    status: 'active',
    brand,
    tags: ['truth'],
    options: [{ name: 'Size', values: sizes }],
    variants: amounts.map((amount, i) => ({ options: { Size: sizes[i] ?? '' }, price: { amount, currency }, quantity: 100 })),
  };
}
