import type { InventoryReads, StockRow } from '../catalog/ports.js';
import type { Database } from './client.js';
import { type FromServer, isStandbyColumn, ofPrimary } from './standby.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

const findSql: Statement = {
  name: 'inventory_by_variant',
  text: `
    SELECT found.id AS "variantId", coalesce(i.quantity, 0) AS quantity, coalesce(i.policy, 'deny') AS policy, server.*
    FROM (SELECT ${isStandbyColumn}) server
    LEFT JOIN (SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id AND p.status = 'active' WHERE v.id = $1) found ON true
    LEFT JOIN inventory i ON i.variant_id = found.id`,
};

/** A row there is always; without an id it found nothing. */
type FoundRow = FromServer & Omit<StockRow, 'variantId'> & { variantId: string | null };

/** The stock of variants of active products. A variant nobody counted has none. */
export function createInventoryReads({ pool }: Pick<Database, 'pool'>): InventoryReads {
  const query = createPoolQuery(pool);
  return {
    async find(variantId) {
      if (!isUuid(variantId)) return null;
      const [row] = await query<FoundRow>(findSql, [variantId]);
      if (!row) return null;
      const { variantId: found, ...stock } = ofPrimary(row);
      return found === null ? null : { variantId: found, ...stock };
    },
  };
}
