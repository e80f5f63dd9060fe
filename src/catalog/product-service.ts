import type { DocumentAnswer, Documents } from '../cache/documents.js';
import { requireCurrency } from './money.js';
import type { Outcome } from './outcome.js';
import { createProductPages, type PreparedProduct } from './product-view.js';

export interface ShownProduct {
  kind: 'product';
  /** JSON of a Product. */
  body: Buffer;
  /** Null where nobody can say whether the product still stands like this. */
  etag: string | null;
  outcome: Outcome;
}

/** `moved`: the slug is an old one, the product stands under `slug` now. `absent`: no product that shoppers may see. */
export type ProductAnswer = ShownProduct | { kind: 'moved'; slug: string; outcome: Outcome } | { kind: 'absent'; outcome: Outcome };

export interface ProductService {
  /**
   * `currency` is an ISO 4217 code, the shop's own where left out. Throws `unknown_currency`, and `database_unavailable` where Postgres is
   * needed and away.
   */
  findBySlug(slug: string, currency: string | undefined): Promise<ProductAnswer>;
  /**
   * The product in the shop's own currency where memory may answer by itself, without a promise; else undefined. The same object for as long
   * as the same version is held. Counts only what it answers.
   */
  hitBySlug(slug: string): PreparedProduct | undefined;
  /** In the order asked, duplicates once, old slugs resolved; `body` is the JSON of `{ data, missing }`. */
  findBatch(slugs: readonly string[], currency: string | undefined): Promise<{ body: Buffer; outcome: Outcome }>;
}

/** Products as shoppers see them, read through the document cache. `shape` is that of the product row of the policy table. */
export function createProductService(deps: { documents: Documents; defaultCurrency: string; shape: number }): ProductService {
  const { documents, defaultCurrency } = deps;
  const pageOf = createProductPages(deps.shape);

  function answer(slug: string, currency: string, { held, outcome }: DocumentAnswer): ProductAnswer {
    if (!held) return { kind: 'absent', outcome };
    const { latin1, etag, isActive } = pageOf(held, currency);
    if (!isActive) return { kind: 'absent', outcome };
    if (held.slug !== slug) return { kind: 'moved', slug: held.slug, outcome };
    return { kind: 'product', body: Buffer.from(latin1, 'latin1'), etag: outcome === 'unverified' ? null : etag, outcome };
  }

  return {
    async findBySlug(slug, currency = defaultCurrency) {
      if (currency !== defaultCurrency) requireCurrency(currency);
      return answer(slug, currency, await documents.read('productDetail', `slug:${slug}`));
    },

    hitBySlug(slug) {
      const held = documents.hit('productDetail', slug);
      const page = held && pageOf(held, defaultCurrency);
      return page?.isActive ? page : undefined;
    },

    async findBatch(slugs, currency = defaultCurrency) {
      requireCurrency(currency);
      const answers = await documents.readMany(
        'productBatch',
        slugs.map((slug) => `slug:${slug}`),
      );
      const shown = new Map<string, string>();
      const missing = new Set<string>();
      let outcome: Outcome = 'memory';
      for (const slug of new Set(slugs)) {
        const found = answers.get(`slug:${slug}`);
        const product = found?.held ? pageOf(found.held, currency) : undefined;
        if (found?.held && product?.isActive) shown.set(found.held.id, product.latin1);
        else missing.add(slug);
        if (found && found.outcome !== 'memory' && outcome !== 'unverified') outcome = found.outcome;
      }
      const data = Buffer.from(`{"data":[${[...shown.values()].join(',')}],"missing":`, 'latin1');
      return { body: Buffer.concat([data, Buffer.from(`${JSON.stringify([...missing])}}`)]), outcome };
    },
  };
}
