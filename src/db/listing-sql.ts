import { createHash } from 'node:crypto';
import type { ListingPosition, ListingQuery } from '../catalog/listing.js';
import { type Bind, boundsPrice, productFilters, rangeFilters, searchQuerySql } from './listing-filter-sql.js';
import type { Statement } from './statement.js';

/** Rows `{ id, key }` in the order of the listing. `key` is text or a number, as a position holds it. */
export interface ListingStatement extends Statement {
  values: unknown[];
}

/** The listing in its order from `after` on, `limit` rows at most. For price orders: the products that have one. */
export function listingSql(query: ListingQuery, after: ListingPosition | undefined, limit: number): ListingStatement {
  return statement(query, (bind) => {
    const order = orders[query.sort](query, bind);
    const where = [...productFilters(query, bind), ...order.where];
    if (!order.ranged && boundsPrice(query))
      where.push(`EXISTS (SELECT FROM product_price_range r WHERE r.product_id = p.id AND ${rangeFilters(query, bind).join(' AND ')})`);
    // A row comparison is one range of the index; `a < x OR (a = x AND b < y)` would be a filter.
    if (after)
      where.push(`(${order.columns.join(', ')}) ${order.descending ? '<' : '>'} (${bind(after.key)}::${order.keyType}, ${bind(after.id)}::uuid)`);
    const direction = order.descending ? 'DESC' : 'ASC';
    return `SELECT p.id, ${order.key} AS key FROM ${order.from} WHERE ${where.join(' AND ')}
      ORDER BY ${order.columns.map((column) => `${column} ${direction}`).join(', ')} LIMIT ${bind(limit)}`;
  });
}

/** What follows the priced products in both orders by price: those without one in this currency, by id. */
export function unpricedSql(query: ListingQuery, afterId: string | undefined, limit: number): ListingStatement {
  return statement(query, (bind) => {
    const where = productFilters(query, bind);
    where.push(`NOT EXISTS (SELECT FROM product_price_range r WHERE r.product_id = p.id AND r.currency = ${bind(query.currency)})`);
    if (afterId !== undefined) where.push(`p.id > ${bind(afterId)}::uuid`);
    return `SELECT p.id, NULL AS key FROM product p WHERE ${where.join(' AND ')} ORDER BY p.id LIMIT ${bind(limit)}`;
  });
}

interface Order {
  from: string;
  /** What is sorted by; the last one is the id, which breaks ties. */
  columns: [string, string];
  descending: boolean;
  /** The first column as it travels, without loss, and the type it has again on its way back. */
  key: string;
  keyType: string;
  where: string[];
  /** Whether rows of product_price_range are part of it already. */
  ranged: boolean;
}

const onProduct = { from: 'product p', where: [], ranged: false };

const orders: Record<ListingQuery['sort'], (query: ListingQuery, bind: Bind) => Order> = {
  newest: () => ({
    ...onProduct,
    columns: ['p.created_at', 'p.id'],
    descending: true,
    key: `to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    keyType: 'timestamptz',
  }),
  title: () => ({ ...onProduct, columns: ['lower(p.title) COLLATE "C"', 'p.id'], descending: false, key: 'lower(p.title)', keyType: 'text' }),
  price: (query, bind) => byPrice(query, bind, false),
  '-price': (query, bind) => byPrice(query, bind, true),
  relevance: ({ q = '' }, bind) => {
    const rank = `ts_rank(p.search, ${searchQuerySql(q, bind)})::float8`;
    return { ...onProduct, columns: [rank, 'p.id'], descending: true, key: rank, keyType: 'float8' };
  },
};

function byPrice(query: ListingQuery, bind: Bind, descending: boolean): Order {
  return {
    from: 'product_price_range r JOIN product p ON p.id = r.product_id',
    columns: ['r.min_amount', 'r.product_id'],
    descending,
    key: 'r.min_amount',
    keyType: 'bigint',
    where: rangeFilters(query, bind),
    ranged: true,
  };
}

/** Named by its text, so that each shape of listing is prepared once; option filters come in any number, so these stay unnamed. */
function statement(query: ListingQuery, write: (bind: Bind) => string): ListingStatement {
  const values: unknown[] = [];
  const text = write((value) => `$${values.push(value)}`);
  if (Object.keys(query.options).length > 0) return { text, values };
  return { name: `listing_${createHash('sha1').update(text).digest('hex')}`, text, values };
}
