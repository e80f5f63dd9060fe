import type { Cache } from '../cache/cache.js';
import type { HeldDocument } from '../cache/held-document.js';
import type { Listing } from '../cache/policies.js';
import { AppError } from '../errors.js';
import { type ComposedPage, createComposedPages } from './composed-pages.js';
import type { Cursors } from './cursor.js';
import { listingETag } from './etag.js';
import { defaultLimit, type ListingPage, type ListingParameters, type ListingQuery } from './listing.js';
import { requireCurrency } from './money.js';
import type { Outcome } from './outcome.js';
import type { ListingReads } from './ports.js';
import { preparedSummary } from './product-view.js';

export interface ListingAnswer {
  /** JSON of a Page. */
  body: Buffer;
  /** Null where nobody can say whether its products still stand like this. */
  etag: string | null;
  /** Reports the page of ids; the products on it are read for themselves. Only `unverified` says something of them. */
  outcome: Outcome;
}

export type ListingInput = ListingParameters & { options: Record<string, string> };

export interface ListingService {
  /** Throws `unknown_currency`, `unknown_cursor`, and `unusable` for bounds the wrong way round or relevance without words. */
  list(input: ListingInput): Promise<ListingAnswer>;
}

/**
 * Listings: a cached page is ids in their order and nothing else. Titles, images and prices are bound to it answer by answer from the
 * product documents, so that a listing never shows what the product page no longer shows; what is no longer active falls out.
 */
export function createListingService(deps: {
  cache: Pick<Cache, 'read' | 'documents' | 'bounded'>;
  listings: ListingReads;
  cursors: Cursors;
  parameterKey: (parameters: Record<string, string | number | boolean | undefined>) => string;
  defaultCurrency: string;
  shape: number;
}): ListingService {
  const composed = createComposedPages(keptPages);

  function toQuery({ cursor, available, options, ...input }: ListingInput): ListingQuery {
    const query: ListingQuery = {
      ...input,
      options,
      currency: requireCurrency(input.currency ?? deps.defaultCurrency),
      sort: input.sort ?? 'newest',
      limit: input.limit ?? defaultLimit,
      ...(available === undefined ? {} : { available: available === 'true' }),
    };
    if (query.priceMin !== undefined && query.priceMax !== undefined && query.priceMin > query.priceMax) {
      throw new AppError('unusable', 'priceMin is above priceMax', { faults: [{ path: 'priceMin', message: 'must not be above priceMax' }] });
    }
    if (query.sort === 'relevance' && query.q === undefined) throw new AppError('unusable', 'sort=relevance needs q: the words to be relevant to');
    return cursor === undefined ? query : { ...query, after: deps.cursors.decode(query, cursor) };
  }

  function keyOf({ options, after, ...query }: ListingQuery): string {
    const named = Object.fromEntries(Object.entries(options).map(([name, value]) => [`option.${name}`, value]));
    return deps.parameterKey({ ...query, ...named, ...(after ? { after: `${after.key}/${after.id}` } : {}) });
  }

  return {
    async list(input) {
      return deps.cache.bounded(list(toQuery(input)));
    },
  };

  async function list(query: ListingQuery): Promise<ListingAnswer> {
    const { value: page, outcome } = await deps.cache.read<ListingPage>('productListing', keyOf(query), dependsOn(query), () =>
      deps.listings.page(query),
    );
    const lookups = page.ids.map((id) => `id:${id}`);
    const answers = await deps.cache.documents.readMany('productListing', lookups);
    const isVerified = [...answers.values()].every((answer) => answer.outcome !== 'unverified');
    const held = lookups.map((lookup) => answers.get(lookup)?.held ?? null);
    const { body, etag } = composed(page, held, () => compose(query, page, held));
    return { body, etag: isVerified ? etag : null, outcome: isVerified ? outcome : 'unverified' };
  }

  function compose(query: ListingQuery, page: ListingPage, held: readonly (HeldDocument | null)[]): ComposedPage {
    const shown: HeldDocument[] = [];
    const summaries: string[] = [];
    for (const document of held) {
      const summary = document && preparedSummary(document, query.currency);
      if (!document || summary === null) continue;
      shown.push(document);
      summaries.push(summary);
    }
    const nextCursor = page.next && deps.cursors.encode(query, page.next);
    return {
      body: Buffer.from(`{"data":[${summaries.join()}],"page":${JSON.stringify({ limit: query.limit, nextCursor })}}`),
      etag: listingETag(shown, nextCursor, deps.shape),
    };
  }
}

/** Pages that are shown now and again, at most a few megabytes of them. */
const keptPages = 256;

/** Which writes can change what stands on this page: every page its members, some the prices or the stock as well. */
function dependsOn(query: ListingQuery): Listing[] {
  const depends: Listing[] = ['membership'];
  if (query.sort === 'price' || query.sort === '-price' || query.priceMin !== undefined || query.priceMax !== undefined) depends.push('price');
  if (query.available !== undefined) depends.push('stock');
  return depends;
}
