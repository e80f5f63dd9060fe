import type { InventoryReads, StockRow } from '../catalog/ports.js';
import type { Database } from './client.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

const findSql: Statement = {
  name: 'inventory_by_variant',
  text: `
    SELECT v.id AS "variantId", coalesce(i.quantity, 0) AS quantity, coalesce(i.policy, 'deny') AS policy
    FROM variant v JOIN product p ON p.id = v.product_id AND p.status = 'active' LEFT JOIN inventory i ON i.variant_id = v.id
    WHERE v.id = $1`,
};

/** The stock of variants of active products. A variant nobody counted has none. */
export function createInventoryReads({ pool }: Pick<Database, 'pool'>): InventoryReads {
  const query = createPoolQuery(pool);
  return {
    find: async (variantId) => (isUuid(variantId) ? ((await query<StockRow>(findSql, [variantId]))[0] ?? null) : null),
  };
}
