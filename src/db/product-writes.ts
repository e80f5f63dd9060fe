import type { LockedProduct, ProductTransaction, ProductWrites } from '../catalog/ports.js';
import type { Database } from './client.js';
import { setPrice } from './price-write.js';
import { selectDocuments } from './product-document-sql.js';
import { selectStates } from './product-state-sql.js';
import { saveProducts } from './save-products.js';
import type { Query, Statement } from './statement.js';
import { setStock } from './stock-write.js';
import { isStorable, isUuid } from './storable.js';
import { transaction } from './transaction.js';

const lockSql: Statement = {
  name: 'product_lock',
  text: `
    SELECT p.id FROM product p WHERE p.id IN (
        SELECT unnest($1::uuid[])
        UNION SELECT named.id FROM product named WHERE named.slug = ANY ($2::text[])
        UNION SELECT v.product_id FROM variant v WHERE v.id = ANY ($3::uuid[])
    ) ORDER BY p.id FOR UPDATE OF p`,
};

/** Writes of products, each in a transaction on one held connection. */
export function createProductWrites({ pool }: Pick<Database, 'pool'>): ProductWrites {
  return { transaction: (work) => transaction(pool, (query) => work(productTransaction(query))) };
}

function productTransaction(query: Query): ProductTransaction {
  return {
    lock: (by) => lock(query, by),
    save: (states, token) => saveProducts(query, states, token),
    setPrice: (variantId, price, token) => setPrice(query, variantId, price, token),
    setStock: (variantId, quantity, token) => setStock(query, variantId, quantity, token),
    documents: (ids) => selectDocuments(query, ids),
  };
}

/** First the locks, then the states in a statement of their own: its snapshot holds what the locks waited for. */
async function lock(query: Query, { ids = [], slugs = [], variantIds = [] }: Parameters<ProductTransaction['lock']>[0]): Promise<LockedProduct[]> {
  const rows = await query<{ id: string }>(lockSql, [ids.filter(isUuid), slugs.filter(isStorable), variantIds.filter(isUuid)]);
  return selectStates(
    query,
    rows.map(({ id }) => id),
  );
}
