import type { ProductDocument } from '../catalog/ports.js';
import { brandName, mediaJson, optionsJson, tagsJson, timeJson, variantOptionsJson } from './product-json-sql.js';
import { type FromServer, isStandbyColumn, ofPrimary } from './standby.js';
import type { Query, Statement } from './statement.js';
import { isUuid } from './storable.js';

// Columns of one statement, so the body and the version it is labelled with come from one snapshot: with two, a write in between would leave
// the old variants under the new version, and a cache would believe them for ever. Every list is a subselect of its own; joins would
// multiply rows.
export const documentColumns = `p.id, p.slug, p.version, p.last_token AS token, json_build_object(
        'id', p.id,
        'slug', p.slug,
        'title', p.title,
        'description', p.description,
        'brand', ${brandName},
        'status', p.status,
        'categories', to_json(ARRAY(
            SELECT json_build_object('slug', c.slug, 'title', c.title)
            FROM product_category pc JOIN category c ON c.id = pc.category_id WHERE pc.product_id = p.id ORDER BY pc.position, c.slug)),
        'tags', ${tagsJson},
        'options', ${optionsJson},
        'attributes', p.attributes,
        'media', ${mediaJson},
        'variants', to_json(ARRAY(
            SELECT json_build_object(
                'id', v.id,
                'sku', v.sku,
                'barcode', v.barcode,
                'title', v.title,
                'options', ${variantOptionsJson},
                'prices', coalesce((
                    SELECT json_object_agg(pr.currency, json_build_object('amount', pr.amount, 'compareAt', pr.compare_at) ORDER BY pr.currency)
                    FROM price pr WHERE pr.variant_id = v.id), '{}'),
                'available', v.available,
                'position', v.position)
            FROM variant v WHERE v.product_id = p.id ORDER BY v.position, v.id)),
        'available', p.available,
        'version', p.version,
        'createdAt', ${timeJson('p.created_at')},
        'updatedAt', ${timeJson('p.updated_at')}
    )::text AS json`;

const documentsSql: Statement = {
  name: 'product_documents',
  text: `SELECT ${documentColumns}, ${isStandbyColumn} FROM product p WHERE p.id = ANY ($1::uuid[])`,
};

/** bigint arrives as text. */
export type DocumentRow = Omit<ProductDocument, 'version'> & { version: string };

/**
 * Documents by id, one statement; ids that do not exist are missing. The same SQL serves readers and, inside its transaction, a write. Throws
 * `database_unavailable` for what a standby says.
 */
export async function selectDocuments(query: Query, ids: readonly string[]): Promise<Map<string, ProductDocument>> {
  const usable = ids.filter(isUuid);
  if (usable.length === 0) return new Map();
  const rows = await query<DocumentRow & FromServer>(documentsSql, [usable]);
  return new Map(rows.map((row) => [row.id, toDocument(ofPrimary(row))]));
}

/** The document of a product that this transaction has just written, which is therefore there. */
export async function selectDocument(query: Query, id: string): Promise<ProductDocument> {
  const document = (await selectDocuments(query, [id])).get(id);
  if (!document) throw new Error('a product that was just written has no document');
  return document;
}

export function toDocument(row: DocumentRow): ProductDocument {
  return { ...row, version: Number(row.version) };
}
