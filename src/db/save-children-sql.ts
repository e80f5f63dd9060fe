import type { Statement } from './statement.js';
import { isAvailableSql } from './stock-sql.js';

// Foreign keys are checked at the end of a statement, so rows that refer to each other may be written by parts of one.

/** $1 ids, $2 variants, $3 prices. What is replaced goes whole; variants and prices that stay keep their rows. */
export const deleteGoneSql: Statement = {
  name: 'save_delete_gone',
  text: `
    WITH kept AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS k (id uuid, product_id uuid)),
    tags AS (DELETE FROM product_tag WHERE product_id = ANY ($1::uuid[])),
    categories AS (DELETE FROM product_category WHERE product_id = ANY ($1::uuid[])),
    media AS (DELETE FROM media WHERE product_id = ANY ($1::uuid[])),
    options AS (DELETE FROM product_option WHERE product_id = ANY ($1::uuid[])),
    prices AS (
        DELETE FROM price pr USING variant v
        WHERE v.id = pr.variant_id AND v.product_id = ANY ($1::uuid[])
        AND EXISTS (SELECT FROM kept WHERE kept.id = v.id AND kept.product_id = v.product_id)
        AND NOT EXISTS (SELECT FROM jsonb_to_recordset($3::jsonb) AS k (variant_id uuid, currency text) WHERE k.variant_id = pr.variant_id AND k.currency = pr.currency)
    )
    DELETE FROM variant v WHERE v.product_id = ANY ($1::uuid[])
    AND NOT EXISTS (SELECT FROM kept WHERE kept.id = v.id AND kept.product_id = v.product_id)`,
};

/** $1 variants. Gives the ids it wrote: a variant that belongs to another product is left alone and missing from them. */
export const variantsSql: Statement = {
  name: 'save_variants',
  text: `
    INSERT INTO variant AS v (id, product_id, sku, barcode, title, position, available)
    SELECT s.id, s.product_id, s.sku, s.barcode, s.title, s.position, ${isAvailableSql('s')}
    FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, product_id uuid, sku text, barcode text, title text, position integer, quantity integer, policy stock_policy)
    ON CONFLICT (id) DO UPDATE SET sku = excluded.sku, barcode = excluded.barcode, title = excluded.title, position = excluded.position, available = excluded.available
    WHERE v.product_id = excluded.product_id
    RETURNING v.id`,
};

/** $1 variants, $2 prices. */
export const stockAndPricesSql: Statement = {
  name: 'save_stock_and_prices',
  text: `
    WITH stock AS (
        INSERT INTO inventory AS i (variant_id, quantity, policy)
        SELECT s.id, s.quantity, s.policy FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, quantity integer, policy stock_policy)
        ON CONFLICT (variant_id) DO UPDATE SET quantity = excluded.quantity, policy = excluded.policy, updated_at = clock_timestamp()
        WHERE (i.quantity, i.policy) IS DISTINCT FROM (excluded.quantity, excluded.policy)
    )
    INSERT INTO price AS pr (id, variant_id, currency, amount, compare_at)
    SELECT s.id, s.variant_id, s.currency, s.amount, s.compare_at
    FROM jsonb_to_recordset($2::jsonb) AS s (id uuid, variant_id uuid, currency text, amount bigint, compare_at bigint)
    ON CONFLICT (variant_id, currency) DO UPDATE SET amount = excluded.amount, compare_at = excluded.compare_at, updated_at = clock_timestamp()
    WHERE (pr.amount, pr.compare_at) IS DISTINCT FROM (excluded.amount, excluded.compare_at)`,
};

/** $1 options, $2 the values of the variants. */
export const optionsSql: Statement = {
  name: 'save_options',
  text: `
    WITH options AS (
        INSERT INTO product_option (id, product_id, name, position, "values")
        SELECT s.id, s.product_id, s.name, s.position, s."values"
        FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, product_id uuid, name text, position integer, "values" text[])
    )
    INSERT INTO variant_option (variant_id, option_id, value)
    SELECT s.variant_id, s.option_id, s.value FROM jsonb_to_recordset($2::jsonb) AS s (variant_id uuid, option_id uuid, value text)`,
};

/** $1 tags, $2 categories, $3 media. */
export const listsSql: Statement = {
  name: 'save_lists',
  text: `
    WITH tags AS (
        INSERT INTO product_tag (product_id, tag, position)
        SELECT s.product_id, s.tag, s.position FROM jsonb_to_recordset($1::jsonb) AS s (product_id uuid, tag text, position integer)
    ), categories AS (
        INSERT INTO product_category (product_id, category_id, position)
        SELECT s.product_id, s.category_id, s.position FROM jsonb_to_recordset($2::jsonb) AS s (product_id uuid, category_id uuid, position integer)
    )
    INSERT INTO media (id, product_id, url, alt, position)
    SELECT s.id, s.product_id, s.url, s.alt, s.position FROM jsonb_to_recordset($3::jsonb) AS s (id uuid, product_id uuid, url text, alt text, position integer)`,
};
