import { v7 as newId } from 'uuid';
import type { StoredPrice } from '../catalog/money.js';
import type { ProductDocument, VariantPrice } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import { selectDocumentOf } from './product-document-sql.js';
import { type FromServer, isStandbyColumn, ofPrimary } from './standby.js';
import type { Query, Statement } from './statement.js';
import { isUuid } from './storable.js';

/** Of the variant $1 in the currency $2. */
export const variantPriceFrom = `
    SELECT p.id AS "productId", p.slug, p.version, pr.amount, pr.compare_at AS "compareAt", ${isStandbyColumn}
    FROM variant v JOIN product p ON p.id = v.product_id LEFT JOIN price pr ON pr.variant_id = v.id AND pr.currency = $2
    WHERE v.id = $1`;
const variantPriceSql: Statement = { name: 'variant_price', text: variantPriceFrom };

/** bigint arrives as text. */
export type VariantPriceRow = FromServer & { productId: string; slug: string; version: string; amount: string | null; compareAt: string | null };

/** Throws `database_unavailable` for the row of a standby. */
export function toVariantPrice(row: VariantPriceRow, currency: string): VariantPrice {
  const { productId, slug, version, amount, compareAt } = ofPrimary(row);
  const price = amount === null ? null : { currency, amount: Number(amount), compareAt: compareAt === null ? null : Number(compareAt) };
  return { productId, slug, version: Number(version), price };
}

/** The price of a variant as it stands, with whose it is. Null for an unknown variant. */
export async function selectVariantPrice(query: Query, variantId: string, currency: string): Promise<VariantPrice | null> {
  if (!isUuid(variantId)) return null;
  const [row] = await query<VariantPriceRow>(variantPriceSql, [variantId, currency]);
  return row ? toVariantPrice(row, currency) : null;
}

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
    SELECT target.product_id AS id FROM target`,
};

/** Sets one price of a product that `begin_write` has bumped. Throws `not_found` for an unknown variant. */
export async function setPrice(query: Query, variantId: string, { currency, amount, compareAt }: StoredPrice): Promise<ProductDocument> {
  const [[product], document] = isUuid(variantId)
    ? await Promise.all([query<{ id: string }>(setPriceSql, [variantId, newId(), currency, amount, compareAt]), selectDocumentOf(query, variantId)])
    : [[], null];
  if (!product || !document) throw new AppError('not_found', 'No such variant');
  return document;
}
