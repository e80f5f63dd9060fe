import { z } from 'zod';
import type { Cache } from '../cache/cache.js';
import type { Outcome } from './outcome.js';
import type { CategoryReads, CategoryRow } from './ports.js';
import { CategoryRef } from './product.js';

export interface CategoryNode {
  slug: string;
  title: string;
  productCount: number;
  children: CategoryNode[];
}
export const CategoryNode: z.ZodType<CategoryNode> = z
  .strictObject({
    slug: z.string(),
    title: z.string(),
    productCount: z.int().min(0).describe('Active products in it or below it, each once'),
    get children() {
      return z.array(CategoryNode);
    },
  })
  .meta({ id: 'CategoryNode' });

export const CategoryTree = z.strictObject({ data: z.array(CategoryNode) }).meta({ id: 'CategoryTree' });
export const CategoryPage = z
  .strictObject({
    slug: z.string(),
    title: z.string(),
    productCount: z.int().min(0),
    path: z.array(CategoryRef).describe('From the root of the tree down to this category'),
    children: z.array(CategoryNode),
  })
  .meta({ id: 'CategoryPage' });

/** JSON, made once per fill and sent as it is; `body` null stands for a category that does not exist. */
interface Prepared {
  body: string | null;
}

export interface CategoryService {
  tree(): Promise<{ body: string; outcome: Outcome }>;
  node(slug: string): Promise<{ body: string | null; outcome: Outcome }>;
}

/** The category tree with its counts, cache-aside: what changes a product's place drops it, what changes its price does not. */
export function createCategoryService(deps: { categories: CategoryReads; cache: Pick<Cache, 'read' | 'bounded'> }): CategoryService {
  return {
    async tree() {
      const { value, outcome } = await deps.cache.bounded(
        deps.cache.read<Prepared>('categoryTree', 'tree', ['membership'], async () => ({
          body: JSON.stringify({ data: toTree(await deps.categories.all(), null) }),
        })),
      );
      return { body: value.body ?? '', outcome };
    },
    async node(slug) {
      const read = deps.cache.read<Prepared>('categoryNode', slug, ['membership'], async () => {
        const rows = await deps.categories.all();
        const row = rows.find((candidate) => candidate.slug === slug);
        if (!row) return { body: null };
        const { parentSlug: _, ...node } = row;
        return { body: JSON.stringify({ ...node, path: pathTo(rows, row), children: toTree(rows, slug) }) };
      });
      const { value, outcome } = await deps.cache.bounded(read);
      return { body: value.body, outcome };
    },
  };
}

function toTree(rows: readonly CategoryRow[], parentSlug: string | null): CategoryNode[] {
  const byParent = new Map<string | null, CategoryRow[]>();
  for (const row of rows) byParent.set(row.parentSlug, [...(byParent.get(row.parentSlug) ?? []), row]);
  const below = (parent: string | null): CategoryNode[] =>
    (byParent.get(parent) ?? []).map(({ slug, title, productCount }) => ({ slug, title, productCount, children: below(slug) }));
  return below(parentSlug);
}

function pathTo(rows: readonly CategoryRow[], leaf: CategoryRow): { slug: string; title: string }[] {
  const bySlug = new Map(rows.map((row) => [row.slug, row]));
  const path: { slug: string; title: string }[] = [];
  for (let row: CategoryRow | undefined = leaf; row; row = row.parentSlug === null ? undefined : bySlug.get(row.parentSlug)) {
    path.unshift({ slug: row.slug, title: row.title });
  }
  return path;
}
