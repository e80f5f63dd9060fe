import type { ListingQuery } from '../catalog/listing.js';

/** Puts a value among the parameters of a statement and gives its placeholder: input never becomes SQL. */
export type Bind = (value: unknown) => string;

/** Both dictionaries, as the search column has them: names and codes as written, English words by their stem. */
export function searchQuerySql(q: string, bind: Bind): string {
  const words = bind(q);
  return `(websearch_to_tsquery('simple', ${words}) || websearch_to_tsquery('english', ${words}))`;
}

/** The conditions on a product `p` that a listing states, all but the price range. */
export function productFilters(query: ListingQuery, bind: Bind): string[] {
  const { category, brand, tag, q, available, options } = query;
  return [
    `p.status = 'active'`,
    category === undefined ? '' : categoryFilter(category, bind),
    brand === undefined ? '' : `p.brand_id IN (SELECT b.id FROM brand b WHERE lower(b.name) = lower(${bind(brand)}))`,
    tag === undefined ? '' : `EXISTS (SELECT FROM product_tag t WHERE t.product_id = p.id AND lower(t.tag) = lower(${bind(tag)}))`,
    q === undefined ? '' : `p.search @@ ${searchQuerySql(q, bind)}`,
    available === undefined ? '' : `p.available = ${bind(available)}`,
    Object.keys(options).length === 0 ? '' : optionsFilter(options, bind),
  ].filter(Boolean);
}

/** The conditions on a row `r` of product_price_range: its currency and the bounds on its lowest price. */
export function rangeFilters({ currency, priceMin, priceMax }: ListingQuery, bind: Bind): string[] {
  return [
    `r.currency = ${bind(currency)}`,
    priceMin === undefined ? '' : `r.min_amount >= ${bind(priceMin)}::bigint`,
    priceMax === undefined ? '' : `r.min_amount <= ${bind(priceMax)}::bigint`,
  ].filter(Boolean);
}

/** Whether the listing asks for a price in some range, which a product without a price is never in. */
export function boundsPrice({ priceMin, priceMax }: ListingQuery): boolean {
  return priceMin !== undefined || priceMax !== undefined;
}

// UNION makes the walk end even on a ring. ARRAY(...) runs it once, before the scan. The first condition does not depend on a product, so
// an unknown category ends the statement before any product is read.
function categoryFilter(slug: string, bind: Bind): string {
  const named = `SELECT c.id FROM category c WHERE c.slug = ${bind(slug)}`;
  return `EXISTS (${named}) AND EXISTS (SELECT FROM product_category pc WHERE pc.product_id = p.id AND pc.category_id = ANY (ARRAY(
        WITH RECURSIVE below (id) AS (
            ${named} UNION SELECT c.id FROM below JOIN category c ON c.parent_id = below.id
        )
        SELECT below.id FROM below)))`;
}

// All pairs hold for one and the same variant. The name is asked for in a scalar subselect, because the planner knows how often a value
// occurs but nothing of folded names: as a join it would expect next to none and begin with all of them.
function optionsFilter(options: Record<string, string>, bind: Bind): string {
  const pairs = Object.entries(options).map(
    ([name, value]) => `EXISTS (SELECT FROM variant_option x WHERE x.variant_id = v.id AND lower(x.value) = lower(${bind(value)})
            AND (SELECT lower(o.name) = lower(${bind(name)}) FROM product_option o WHERE o.id = x.option_id))`,
  );
  return `EXISTS (SELECT FROM variant v WHERE v.product_id = p.id AND ${pairs.join(' AND ')})`;
}
