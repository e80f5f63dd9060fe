import type { DocumentAnswer, Documents } from '../cache/documents.js';
import { productETag } from './etag.js';
import { requireCurrency } from './money.js';
import type { Outcome } from './outcome.js';
import { preparedProduct } from './product-view.js';

/** `moved`: the slug is an old one, the product stands under `slug` now. `absent`: no product that shoppers may see. */
export type ProductAnswer =
  | { kind: 'product'; body: string; bytes: number; etag: string; outcome: Outcome }
  | { kind: 'moved'; slug: string; outcome: Outcome }
  | { kind: 'absent'; outcome: Outcome };

export interface ProductService {
  /**
   * `currency` is an ISO 4217 code, the shop's own where left out. What memory can answer comes at once, without a promise. Throws
   * `unknown_currency`, and `database_unavailable` where Postgres is needed and away.
   */
  findBySlug(slug: string, currency: string | undefined): ProductAnswer | Promise<ProductAnswer>;
  /** In the order asked, duplicates once, old slugs resolved; `body` is the JSON of `{ data, missing }`. */
  findBatch(slugs: readonly string[], currency: string | undefined): Promise<{ body: string; outcome: Outcome }>;
}

/** Products as shoppers see them, read through the document cache. `shape` is that of the product row of the policy table. */
export function createProductService(deps: { documents: Documents; defaultCurrency: string; shape: number }): ProductService {
  const { documents, shape } = deps;

  function answer(slug: string, currency: string, { held, outcome }: DocumentAnswer): ProductAnswer {
    if (!held) return { kind: 'absent', outcome };
    const { body, bytes, isActive } = preparedProduct(held, currency);
    if (!isActive) return { kind: 'absent', outcome };
    if (held.slug !== slug) return { kind: 'moved', slug: held.slug, outcome };
    return { kind: 'product', body, bytes, etag: productETag(held.version, shape), outcome };
  }

  return {
    findBySlug(slug, currency = deps.defaultCurrency) {
      if (currency !== deps.defaultCurrency) requireCurrency(currency);
      const lookup = `slug:${slug}`;
      const held = documents.peek('productDetail', lookup);
      if (held) return answer(slug, currency, held);
      return documents.read('productDetail', lookup).then((read) => answer(slug, currency, read));
    },

    async findBatch(slugs, currency = deps.defaultCurrency) {
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
        const product = found?.held ? preparedProduct(found.held, currency) : undefined;
        if (found?.held && product?.isActive) shown.set(found.held.id, product.body);
        else missing.add(slug);
        if (found && found.outcome !== 'memory') outcome = found.outcome;
      }
      return { body: `{"data":[${[...shown.values()].join()}],"missing":${JSON.stringify([...missing])}}`, outcome };
    },
  };
}
