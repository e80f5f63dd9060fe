import { v7 as newId } from 'uuid';
import type { StoredPrice } from '../catalog/money.js';
import type { ProductDocument } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import { selectDocument } from './product-document-sql.js';
import type { Query, Statement } from './statement.js';
import { isUuid } from './storable.js';

// No part of a statement sees what another part of it writes, so the range is made of the other variants' prices and the new one.
const setPriceSql: Statement = {
  name: 'set_price',
  text: `
    WITH target AS (SELECT v.id, v.product_id FROM variant v WHERE v.id = $1),
    priced AS (
        INSERT INTO price (id, variant_id, currency, amount, compare_at)
        SELECT $2::uuid, target.id, $3::text, $4::bigint, $5::bigint FROM target
        ON CONFLICT (variant_id, currency) DO UPDATE SET amount = excluded.amount, compare_at = excluded.compare_at, updated_at = clock_timestamp()
    ), ranged AS (
        INSERT INTO product_price_range (product_id, currency, min_amount, max_amount)
        SELECT target.product_id, $3::text, least(min(pr.amount), $4::bigint), greatest(max(pr.amount), $4::bigint)
        FROM target LEFT JOIN variant v ON v.product_id = target.product_id AND v.id <> target.id
        LEFT JOIN price pr ON pr.variant_id = v.id AND pr.currency = $3::text
        GROUP BY target.product_id
        ON CONFLICT (product_id, currency) DO UPDATE SET min_amount = excluded.min_amount, max_amount = excluded.max_amount
    )
    UPDATE product p SET version = p.version + 1, last_token = $6::uuid, updated_at = greatest(p.updated_at, clock_timestamp())
    FROM target WHERE p.id = target.product_id
    RETURNING p.id`,
};

/** Sets one price of a product that the caller has locked, and bumps the product. Throws `not_found` for an unknown variant. */
export async function setPrice(
  query: Query,
  variantId: string,
  { currency, amount, compareAt }: StoredPrice,
  token: string,
): Promise<ProductDocument> {
  const [product] = isUuid(variantId) ? await query<{ id: string }>(setPriceSql, [variantId, newId(), currency, amount, compareAt, token]) : [];
  if (!product) throw new AppError('not_found', 'No such variant');
  return selectDocument(query, product.id);
}
