import type { ProductReads, ProductVersion } from '../catalog/ports.js';
import type { Database } from './client.js';
import { selectVariantPrice } from './price-write.js';
import { selectDocuments } from './product-document-sql.js';
import { selectStatesBy, selectStateWithDocument, streamStates } from './product-state-sql.js';
import { noPrimary } from './standby.js';
import { createLongQuery, createPoolQuery, type Statement } from './statement.js';
import { isStorable, isUuid } from './storable.js';

// The live slug wins: a slug taken into use again leaves the history, but a crossing write may still have put it there.
const versionsSql: Statement = {
  name: 'product_versions',
  text: `
    SELECT 'slug:' || p.slug AS lookup, p.id, p.slug, p.version, p.last_token AS token FROM product p WHERE p.slug = ANY ($1::text[])
    UNION ALL
    SELECT 'id:' || p.id, p.id, p.slug, p.version, p.last_token FROM product p WHERE p.id = ANY ($2::uuid[])
    UNION ALL
    SELECT 'slug:' || h.slug, p.id, p.slug, p.version, p.last_token FROM slug_history h JOIN product p ON p.id = h.product_id
    WHERE h.slug = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM product live WHERE live.slug = h.slug)
    UNION ALL
    SELECT 'standby', NULL, NULL, NULL, NULL WHERE pg_is_in_recovery()`,
};

const bySkuSql: Statement = {
  name: 'variants_by_sku',
  text: `
    (SELECT v.id AS "variantId", v.product_id AS "productId" FROM variant v WHERE v.sku = $1 ORDER BY v.id LIMIT $2)
    UNION ALL SELECT NULL, NULL WHERE pg_is_in_recovery()`,
};

/** Exports and imports read many products at once, and nobody waits for a page. */
const bulkTimeoutMs = 5000;

type SkuRow = { variantId: string; productId: string } | { variantId: null };
type VersionRow = Omit<ProductVersion, 'version'> & { lookup: string; version: string };

/** Reads of products over the pool. Lookups that no row can have (a NUL, no uuid) are missing from the answer, as any unknown one. */
export function createProductReads({ pool }: Pick<Database, 'pool'>): ProductReads {
  const query = createPoolQuery(pool);
  return {
    versions: async (lookups) => {
      const slugs = lookups
        .filter((lookup) => lookup.startsWith('slug:'))
        .map((lookup) => lookup.slice(5))
        .filter(isStorable);
      const ids = lookups
        .filter((lookup) => lookup.startsWith('id:'))
        .map((lookup) => lookup.slice(3))
        .filter(isUuid);
      if (slugs.length + ids.length === 0) return new Map();
      const rows = await query<VersionRow>(versionsSql, [slugs, ids]);
      // A standby may be behind, so its word is none.
      if (rows.some(({ lookup }) => lookup === 'standby')) throw noPrimary();
      return new Map(rows.map(({ lookup, version, ...rest }) => [lookup, { ...rest, version: Number(version) }]));
    },

    documents: (ids) => selectDocuments(query, ids),

    state: async (id) => (isUuid(id) ? selectStateWithDocument(query, id) : null),

    statesOf: ({ ids, slugs }) => selectStatesBy(createLongQuery(pool, bulkTimeoutMs), ids.filter(isUuid), slugs.filter(isStorable)),

    variantPrice: (variantId, currency) => selectVariantPrice(query, variantId, currency),

    variantsBySku: async (sku, limit) => {
      const rows = isStorable(sku) ? await query<SkuRow>(bySkuSql, [sku, limit]) : [];
      return rows.map((row) => {
        if (row.variantId === null) throw noPrimary();
        return row;
      });
    },

    states: (batchSize) => streamStates(createLongQuery(pool, bulkTimeoutMs), batchSize),
  };
}
