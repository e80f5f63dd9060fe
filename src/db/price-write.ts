import { v7 as newId } from 'uuid';
import type { PriceSet, VariantPrice } from '../catalog/ports.js';
import type { PriceChange } from '../catalog/product-input.js';
import { AppError } from '../errors.js';
import { type DocumentRow, documentColumns, toDocument } from './product-document-sql.js';
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

/** Writes the range of the prices in $2 of the product that `target` names: those of the variants beside $1, which do not change, and $3. */
const saveRange = `
        INSERT INTO product_price_range (product_id, currency, min_amount, max_amount)
        SELECT target.product_id, $2, least(min(pr.amount), $3::bigint), greatest(max(pr.amount), $3::bigint)
        FROM target LEFT JOIN variant v ON v.product_id = target.product_id AND v.id <> $1
        LEFT JOIN price pr ON pr.variant_id = v.id AND pr.currency = $2
        GROUP BY target.product_id
        ON CONFLICT (product_id, currency) DO UPDATE SET min_amount = excluded.min_amount, max_amount = excluded.max_amount`;

// Whatever a part of it writes, every other part sees the prices as they were when it began, which is under the lock of begin_write. So the old price
// and version come from it as well, a compare-at price can be kept, and the range is made of the other variants' prices and the new one.
const setPriceSql: Statement = {
  name: 'set_price',
  text: `
    WITH stands AS (${variantPriceFrom}),
    target AS (
        SELECT s."productId" AS product_id, CASE WHEN $4 THEN $5::bigint ELSE s."compareAt" END AS compare_at
        FROM stands s JOIN product p ON p.id = s."productId" WHERE p.last_token = $6 AND s.amount IS NOT NULL
    ), priced AS (
        UPDATE price pr SET amount = $3::bigint, compare_at = target.compare_at, updated_at = clock_timestamp()
        FROM target WHERE pr.variant_id = $1 AND pr.currency = $2
    ), ranged AS (${saveRange}
    )
    SELECT * FROM stands`,
};

// The same for a variant that has no price in this currency.
const addPriceSql: Statement = {
  name: 'add_price',
  text: `
    WITH target AS (SELECT v.product_id FROM variant v JOIN product p ON p.id = v.product_id WHERE v.id = $1 AND p.last_token = $5),
    priced AS (
        INSERT INTO price (id, variant_id, currency, amount, compare_at) SELECT $6::uuid, $1, $2, $3::bigint, $4::bigint FROM target
    )
    ${saveRange}`,
};

const writtenDocumentSql: Statement = {
  name: 'written_document',
  text: `
    SELECT ${documentColumns} FROM product p
    WHERE p.id = (SELECT variant.product_id FROM variant WHERE variant.id = $1) AND p.last_token = $2`,
};

/**
 * Sets one price of a product that `begin_write` has stamped with this token. Throws `not_found` for an unknown variant, and `busy` where the product
 * has no such stamp, because the write was ended before.
 * @returns the price before, with the version that `begin_write` gave
 */
export async function setPrice(query: Query, variantId: string, change: PriceChange, token: string): Promise<PriceSet> {
  if (!isUuid(variantId)) throw noVariant();
  const { currency, amount, compareAt } = change;
  const read = () => query<DocumentRow>(writtenDocumentSql, [variantId, token]);
  let [[stood], [document]] = await Promise.all([
    query<VariantPriceRow>(setPriceSql, [variantId, currency, amount, compareAt !== undefined, compareAt ?? null, token]),
    read(),
  ]);
  if (!stood) throw noVariant();
  if (stood.amount === null && document) {
    await query(addPriceSql, [variantId, currency, amount, compareAt ?? null, token, newId()]);
    [document] = await read();
  }
  if (!document) throw new AppError('busy', 'The change took too long and was ended before it was made; try again');
  return { stood: toVariantPrice(stood, currency), document: toDocument(document) };
}

function noVariant(): AppError {
  return new AppError('not_found', 'No such variant');
}
