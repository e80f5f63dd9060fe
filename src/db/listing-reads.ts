import type { ListingPage, ListingPosition, ListingQuery } from '../catalog/listing.js';
import type { ListingReads } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import type { Database } from './client.js';
import { boundsPrice } from './listing-filter-sql.js';
import { type ListingStatement, listingSql, unpricedSql } from './listing-sql.js';
import { createPoolQuery } from './statement.js';
import { isStorable, isUuid } from './storable.js';

/**
 * Pages of active products by keyset: a page begins behind a position, wherever the rows before it have gone.
 * Throws `unknown_cursor` for a position that no page of this sort ends with, `unusable` for relevance without `q`.
 */
export function createListingReads({ pool }: Pick<Database, 'pool'>): ListingReads {
  const query = createPoolQuery(pool);

  async function rows({ values, ...statement }: ListingStatement): Promise<ListingPosition[]> {
    return query<{ id: string; key: ListingPosition['key'] }>(statement, values);
  }

  /** Two phases: first what has a price in the currency, then, where that does not fill the page, what has none. */
  async function byPrice(listing: ListingQuery, limit: number): Promise<ListingPosition[]> {
    const { after } = listing;
    const isPastPriced = after?.key === null;
    const priced = isPastPriced ? [] : (await rows(listingSql(listing, after, limit))).map(({ id, key }) => ({ id, key: Number(key) }));
    if (priced.length === limit || boundsPrice(listing)) return priced;
    return [...priced, ...(await rows(unpricedSql(listing, isPastPriced ? after.id : undefined, limit - priced.length)))];
  }

  return {
    page: async (listing) => {
      if (listing.sort === 'relevance' && listing.q === undefined) throw new AppError('unusable', 'relevance needs q');
      if (listing.after && !isPositionOf(listing.sort, listing.after))
        throw new AppError('unknown_cursor', 'This cursor does not belong to this listing');
      if (!texts(listing).every(isStorable)) return { ids: [], next: null };
      // One more than asked tells whether another page follows.
      const limit = listing.limit + 1;
      const isByPrice = listing.sort === 'price' || listing.sort === '-price';
      return toPage(await (isByPrice ? byPrice(listing, limit) : rows(listingSql(listing, listing.after, limit))), listing.limit);
    },
  };
}

function toPage(found: ListingPosition[], limit: number): ListingPage {
  const page = found.slice(0, limit);
  return { ids: page.map(({ id }) => id), next: found.length > limit ? (page.at(-1) ?? null) : null };
}

function isPositionOf(sort: ListingQuery['sort'], { key, id }: ListingPosition): boolean {
  if (!isUuid(id)) return false;
  if (sort === 'newest') return typeof key === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(key) && !Number.isNaN(Date.parse(key));
  if (sort === 'title') return typeof key === 'string' && isStorable(key);
  if (sort === 'relevance') return typeof key === 'number' && Number.isFinite(key);
  return key === null || Number.isSafeInteger(key);
}

/** What is compared with stored text. Text that Postgres cannot hold matches nothing. */
function texts({ category = '', brand = '', tag = '', q = '', options }: ListingQuery): string[] {
  return [category, brand, tag, q, ...Object.entries(options).flat()];
}
