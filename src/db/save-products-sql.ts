import type { Statement } from './statement.js';
import { isAvailableSql } from './stock-sql.js';

/** $1 ids. Locks the products that exist, always in the order of their ids: two batches that overlap wait for each other in one direction. */
export const lockExistingSql: Statement = {
  name: 'save_lock',
  text: `SELECT p.id, p.slug FROM product p WHERE p.id = ANY ($1::uuid[]) ORDER BY p.id FOR UPDATE`,
};

/** $1 names, $2 an id for each. In the order of the names, for the same reason. */
export const brandsSql: Statement = {
  name: 'save_brands',
  text: `
    INSERT INTO brand (id, name)
    SELECT n.id, n.name FROM unnest($1::text[], $2::uuid[]) AS n (name, id) ORDER BY n.name COLLATE "C"
    ON CONFLICT (name) DO NOTHING`,
};

/**
 * $1 products, $2 variants, $3 token, $4 their categories. The version of a product that exists was bumped by `begin_write`, unless a rival
 * has made it since: 1. Two writers create one product; `begin_write` finds none for either. 2. The first commits version 1. 3. The second,
 * which has waited for it here, must not store another body as that very version.
 */
export const productsSql: Statement = {
  name: 'save_products',
  text: `
    WITH RECURSIVE up (product_id, parent_id, title) AS (
        SELECT k.product_id, c.parent_id, c.title FROM jsonb_to_recordset($4::jsonb) AS k (product_id uuid, category_id uuid) JOIN category c ON c.id = k.category_id
        UNION
        SELECT up.product_id, c.parent_id, c.title FROM up JOIN category c ON c.id = up.parent_id
    )
    INSERT INTO product AS p (id, slug, title, description, brand_id, status, attributes, available, last_token, search_text, created_at, updated_at)
    SELECT s.id, s.slug, s.title, s.description, b.id, s.status, s.attributes, coalesce(stock.available, false), $3::uuid, concat_ws(' ', s.search_text, titles.titles), s.created_at, clock_timestamp()
    FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, slug text, title text, description text, brand text, status product_status, attributes jsonb,
        search_text text, created_at timestamptz)
    LEFT JOIN brand b ON b.name = s.brand
    LEFT JOIN (
        SELECT v.product_id, bool_or(${isAvailableSql('v')}) AS available
        FROM jsonb_to_recordset($2::jsonb) AS v (product_id uuid, quantity integer, policy stock_policy) GROUP BY v.product_id
    ) stock ON stock.product_id = s.id
    LEFT JOIN (SELECT up.product_id, string_agg(DISTINCT up.title, ' ') AS titles FROM up GROUP BY up.product_id) titles ON titles.product_id = s.id
    ORDER BY s.slug COLLATE "C"
    ON CONFLICT (id) DO UPDATE SET
        slug = excluded.slug, title = excluded.title, description = excluded.description, brand_id = excluded.brand_id, status = excluded.status,
        attributes = excluded.attributes, available = excluded.available, search_text = excluded.search_text, created_at = excluded.created_at,
        version = p.version + CASE WHEN p.last_token = excluded.last_token THEN 0 ELSE 1 END, last_token = excluded.last_token,
        updated_at = greatest(p.updated_at, excluded.updated_at)`,
};

/**
 * $1 ids, $2 old slugs `{ slug, product_id, abandoned }`. A slug in use leaves the history, whoever had it before. A slug abandoned just now
 * leads to the product that gave it up; one that a file remembers is taken only where nobody else has it.
 */
export const slugHistorySql: Statement = {
  name: 'save_slug_history',
  text: `
    WITH used AS (DELETE FROM slug_history h USING product p WHERE p.id = ANY ($1::uuid[]) AND h.slug = p.slug),
    old AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS o (slug text, product_id uuid, abandoned boolean))
    INSERT INTO slug_history (slug, product_id)
    SELECT DISTINCT ON (old.slug) old.slug, old.product_id FROM old
    WHERE NOT EXISTS (SELECT FROM product live WHERE live.slug = old.slug)
    ORDER BY old.slug, old.abandoned DESC
    ON CONFLICT (slug) DO UPDATE SET product_id = excluded.product_id WHERE slug_history.slug IN (SELECT old.slug FROM old WHERE old.abandoned)`,
};

/** $1 ids. The lowest and highest price per currency, from the prices as they stand now. */
export const rangesSql: Statement = {
  name: 'save_ranges',
  text: `
    WITH fresh AS (
        SELECT v.product_id, pr.currency, min(pr.amount) AS low, max(pr.amount) AS high
        FROM variant v JOIN price pr ON pr.variant_id = v.id WHERE v.product_id = ANY ($1::uuid[]) GROUP BY v.product_id, pr.currency
    ), gone AS (
        DELETE FROM product_price_range r WHERE r.product_id = ANY ($1::uuid[])
        AND NOT EXISTS (SELECT FROM fresh WHERE fresh.product_id = r.product_id AND fresh.currency = r.currency)
    )
    INSERT INTO product_price_range AS r (product_id, currency, min_amount, max_amount) SELECT product_id, currency, low, high FROM fresh
    ON CONFLICT (product_id, currency) DO UPDATE SET min_amount = excluded.min_amount, max_amount = excluded.max_amount
    WHERE (r.min_amount, r.max_amount) IS DISTINCT FROM (excluded.min_amount, excluded.max_amount)`,
};
