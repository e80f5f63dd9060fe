import type { ProductDocument, StockRow } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import { selectDocument } from './product-document-sql.js';
import type { Query, Statement } from './statement.js';
import { isAvailableSql } from './stock-sql.js';
import { isUuid } from './storable.js';

// The product before its children, as every write does it: two writes of one product can wait for each other, but never both at once.
const lockSql: Statement = {
  name: 'set_stock_lock',
  text: `SELECT p.id FROM variant v JOIN product p ON p.id = v.product_id WHERE v.id = $1 FOR UPDATE OF p`,
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
    ), bumped AS (
        UPDATE product p SET
            available = flipped.available OR EXISTS (SELECT FROM variant other WHERE other.product_id = p.id AND other.id <> flipped.id AND other.available),
            version = p.version + 1, last_token = $3::uuid, updated_at = greatest(p.updated_at, clock_timestamp())
        FROM flipped WHERE p.id = flipped.product_id
        RETURNING p.id
    )
    SELECT stock.variant_id AS "variantId", stock.quantity, stock.policy, (SELECT bumped.id FROM bumped) AS bumped FROM stock`,
};

/**
 * Sets the stock of one variant. Only where that makes the variant available or unavailable is the product bumped and its new document
 * given. Throws `not_found` for an unknown variant.
 */
export async function setStock(
  query: Query,
  variantId: string,
  quantity: number,
  token: string,
): Promise<{ stock: StockRow; flipped: ProductDocument | null }> {
  const [locked] = isUuid(variantId) ? await query(lockSql, [variantId]) : [];
  if (!locked) throw new AppError('not_found', 'No such variant');
  const [row] = await query<StockRow & { bumped: string | null }>(setStockSql, [variantId, quantity, token]);
  if (!row) throw new Error('the stock that was just written gave no row');
  const { bumped, ...stock } = row;
  return { stock, flipped: bumped === null ? null : await selectDocument(query, bumped) };
}
