import type { ProductReads, ProductVersion } from '../catalog/ports.js';
import type { Database } from './client.js';
import { selectDocuments } from './product-document-sql.js';
import { selectStateWithDocument, streamStates } from './product-state-sql.js';
import { createPoolQuery, type Statement } from './statement.js';
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
    WHERE h.slug = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM product live WHERE live.slug = h.slug)`,
};

const bySkuSql: Statement = {
  name: 'variants_by_sku',
  text: `SELECT v.id AS "variantId", v.product_id AS "productId" FROM variant v WHERE v.sku = $1 ORDER BY v.id LIMIT $2`,
};

/** An export reads many products at once and nobody waits for a page. */
const exportTimeoutMs = 5000;

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
      return new Map(rows.map(({ lookup, version, ...rest }) => [lookup, { ...rest, version: Number(version) }]));
    },

    documents: (ids) => selectDocuments(query, ids),

    state: async (id) => (isUuid(id) ? selectStateWithDocument(query, id) : null),

    variantsBySku: async (sku, limit) => (isStorable(sku) ? query(bySkuSql, [sku, limit]) : []),

    states: (batchSize) => streamStates(createPoolQuery(pool, exportTimeoutMs), batchSize),
  };
}
