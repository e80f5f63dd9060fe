import type { LockedProduct, ProductDocument } from '../catalog/ports.js';
import type { ProductState } from '../catalog/product-state.js';
import { type DocumentRow, documentColumns } from './product-document-sql.js';
import { brandName, mediaJson, optionsJson, tagsJson, timeJson, variantOptionsJson } from './product-json-sql.js';
import { type FromServer, isStandbyColumn, ofPrimary } from './standby.js';
import type { Query, Statement } from './statement.js';

// The tree has no cycle (a trigger sees to it); the bound on the depth is for a table that was changed with the trigger off.
const categoryPathJson = `(
    WITH RECURSIVE up (parent_id, slug, title, height) AS (
        SELECT c.parent_id, c.slug, c.title, 0 FROM category c WHERE c.id = pc.category_id
        UNION ALL
        SELECT c.parent_id, c.slug, c.title, up.height + 1 FROM category c JOIN up ON c.id = up.parent_id WHERE up.height < 100
    )
    SELECT json_agg(json_build_object('slug', up.slug, 'title', up.title) ORDER BY up.height DESC) FROM up)`;

const stateColumn = `json_build_object(
        'id', p.id,
        'slug', p.slug,
        'title', p.title,
        'description', p.description,
        'brand', ${brandName},
        'status', p.status,
        'categories', to_json(ARRAY(SELECT ${categoryPathJson} FROM product_category pc WHERE pc.product_id = p.id ORDER BY pc.position, pc.category_id)),
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
                'position', v.position,
                'prices', to_json(ARRAY(
                    SELECT json_build_object('currency', pr.currency, 'amount', pr.amount, 'compareAt', pr.compare_at)
                    FROM price pr WHERE pr.variant_id = v.id ORDER BY pr.currency COLLATE "C")),
                'quantity', coalesce(i.quantity, 0),
                'policy', coalesce(i.policy, 'deny'))
            FROM variant v LEFT JOIN inventory i ON i.variant_id = v.id WHERE v.product_id = p.id ORDER BY v.position, v.id)),
        'previousSlugs', to_json(ARRAY(SELECT h.slug FROM slug_history h WHERE h.product_id = p.id ORDER BY h.slug COLLATE "C")),
        'createdAt', ${timeJson('p.created_at')}
    ) AS state`;

const byIdSql: Statement = {
  name: 'product_states_by_id',
  text: `SELECT p.version, ${stateColumn} FROM product p WHERE p.id = ANY ($1::uuid[]) ORDER BY p.id`,
};
const byIdOrSlugSql: Statement = {
  name: 'product_states_by_id_or_slug',
  text: `SELECT p.version, ${stateColumn} FROM product p WHERE p.id = ANY ($1::uuid[]) OR p.slug = ANY ($2::text[]) ORDER BY p.id`,
};
const afterIdSql: Statement = {
  name: 'product_states_after_id',
  text: `SELECT p.version, ${stateColumn}, ${isStandbyColumn} FROM product p WHERE p.id > $1 ORDER BY p.id LIMIT $2`,
};
const withDocumentSql: Statement = {
  name: 'product_state_with_document',
  text: `SELECT ${documentColumns}, ${stateColumn}, ${isStandbyColumn} FROM product p WHERE p.id = $1`,
};

const lowestId = '00000000-0000-0000-0000-000000000000';

interface Row {
  version: string;
  state: ProductState;
}

/** The editable states of these products with their versions, in the order of their ids. */
export async function selectStates(query: Query, ids: readonly string[]): Promise<LockedProduct[]> {
  if (ids.length === 0) return [];
  const rows = await query<Row>(byIdSql, [ids]);
  return rows.map(({ state, version }) => ({ state, version: Number(version) }));
}

/** The same without their versions, by id or current slug. */
export async function selectStatesBy(query: Query, ids: readonly string[], slugs: readonly string[]): Promise<ProductState[]> {
  return (await query<Row>(byIdOrSlugSql, [ids, slugs])).map(({ state }) => state);
}

/** The document of a product and its editable state, of one snapshot. Null where there is none. */
export async function selectStateWithDocument(query: Query, id: string): Promise<{ document: ProductDocument; state: ProductState } | null> {
  const [row] = await query<DocumentRow & Row & FromServer>(withDocumentSql, [id]);
  if (!row) return null;
  const { state, ...document } = ofPrimary(row);
  return { state, document: { ...document, version: Number(document.version) } };
}

/** Every product, batch by batch, by keyset: a product written meanwhile is seen as it was or as it is, never half. */
export async function* streamStates(query: Query, batchSize: number): AsyncIterable<ProductState[]> {
  let after: string | undefined = lowestId;
  while (after !== undefined) {
    const rows: Row[] = (await query<Row & FromServer>(afterIdSql, [after, batchSize])).map((row) => ofPrimary(row));
    if (rows.length > 0) yield rows.map(({ state }) => state);
    after = rows.length === batchSize ? rows.at(-1)?.state.id : undefined;
  }
}
