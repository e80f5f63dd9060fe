import type { StockChange } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import { selectDocument } from './product-document-sql.js';
import type { Query, Statement } from './statement.js';
import { isAvailableSql } from './stock-sql.js';
import { isUuid } from './storable.js';

// The product before its children, as every write does it: two writes of one product can wait for each other, but never both at once.
const lockSql: Statement = {
  name: 'set_stock_lock',
  text: `SELECT p.id, p.slug FROM variant v JOIN product p ON p.id = v.product_id WHERE v.id = $1 FOR UPDATE OF p`,
};

const flipsSql: Statement = {
  name: 'set_stock_flips',
  text: `
    SELECT v.available <> ${isAvailableSql('wanted')} AS "isFlip"
    FROM variant v LEFT JOIN inventory i ON i.variant_id = v.id
    CROSS JOIN LATERAL (SELECT $2::integer AS quantity, coalesce(i.policy, 'deny') AS policy) wanted
    WHERE v.id = $1`,
};

const setStockSql: Statement = {
  name: 'set_stock',
  text: `
    WITH stock AS (
        INSERT INTO inventory AS i (variant_id, quantity) VALUES ($1, $2)
        ON CONFLICT (variant_id) DO UPDATE SET quantity = excluded.quantity, updated_at = clock_timestamp()
        RETURNING i.variant_id, i.quantity, i.policy, ${isAvailableSql('i')} AS available
    ), flipped AS (
        UPDATE variant v SET available = stock.available FROM stock WHERE v.id = stock.variant_id AND v.available <> stock.available
        RETURNING v.id, v.product_id, v.available
    ), told AS (
        UPDATE product p SET
            available = flipped.available OR EXISTS (SELECT FROM variant other WHERE other.product_id = p.id AND other.id <> flipped.id AND other.available)
        FROM flipped WHERE p.id = flipped.product_id
        RETURNING p.id
    )
    SELECT stock.variant_id AS "variantId", stock.quantity, stock.policy FROM stock`,
};

/**
 * Sets the stock of one variant. Where that makes the variant available or unavailable, its document changes: that takes a write of documents
 * (`mayFlip`), and without one nothing is changed and the keys to block are given. Throws `not_found` for an unknown variant.
 */
export async function setStock(query: Query, variantId: string, quantity: number, mayFlip = false): Promise<StockChange> {
  const [product] = isUuid(variantId) ? await query<{ id: string; slug: string }>(lockSql, [variantId]) : [];
  if (!product) throw unknown();
  const [flips] = await query<{ isFlip: boolean }>(flipsSql, [variantId, quantity]);
  // Removed while this waited for the lock, which shows only now.
  if (!flips) throw unknown();
  const { isFlip } = flips;
  if (isFlip && !mayFlip) return { stock: null, product, document: null };
  const [stock] = await query<NonNullable<StockChange['stock']>>(setStockSql, [variantId, quantity]);
  if (!stock) throw new Error('the stock that was just written gave no row');
  return { stock, product, document: isFlip ? await selectDocument(query, product.id) : null };
}

function unknown(): AppError {
  return new AppError('not_found', 'No such variant');
}
