import type { CategoryReads, CategoryRow } from '../catalog/ports.js';
import type { Database } from './client.js';
import { createLongQuery, type Statement } from './statement.js';

// Sorting by the titles along the path puts parents before children and siblings by title. `below` is a set (UNION), so a product in two
// branches of a category counts once.
const allSql: Statement = {
  name: 'categories_all',
  text: `
    WITH RECURSIVE tree (id, parent_slug, path) AS (
        SELECT c.id, NULL::text, ARRAY[lower(c.title) COLLATE "C"] FROM category c WHERE c.parent_id IS NULL
        UNION ALL
        SELECT c.id, parent.slug, tree.path || (lower(c.title) COLLATE "C")
        FROM tree JOIN category parent ON parent.id = tree.id JOIN category c ON c.parent_id = tree.id
    ), below (top, id) AS (
        SELECT c.id, c.id FROM category c
        UNION
        SELECT below.top, c.id FROM below JOIN category c ON c.parent_id = below.id
    ), counted AS (
        SELECT below.top, count(DISTINCT p.id) AS products
        FROM below JOIN product_category pc ON pc.category_id = below.id JOIN product p ON p.id = pc.product_id AND p.status = 'active'
        GROUP BY below.top
    )
    SELECT c.slug, c.title, tree.parent_slug AS "parentSlug", coalesce(counted.products, 0)::int AS "productCount"
    FROM tree JOIN category c ON c.id = tree.id LEFT JOIN counted ON counted.top = c.id
    ORDER BY tree.path`,
};

/** It counts every product, so it may take longer than a lookup. */
const countTimeoutMs = 2000;

/** The category tree, depth first. */
export function createCategoryReads({ pool }: Pick<Database, 'pool'>): CategoryReads {
  const query = createLongQuery(pool, countTimeoutMs);
  return { all: () => query<CategoryRow>(allSql, []) };
}
