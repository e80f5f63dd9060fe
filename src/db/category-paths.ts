import { v7 as newId } from 'uuid';
import type { CategoryStep } from '../catalog/product-state.js';
import { AppError } from '../errors.js';
import { freeSlug } from './category-slug.js';
import type { Query, Statement } from './statement.js';

// Titles are compared as the unique index compares them, by Postgres's lower(): JavaScript folds some letters otherwise.
const knownSql: Statement = {
  name: 'categories_known',
  text: `
    SELECT t.title AS asked, lower(t.title) AS folded, c.id, c.parent_id AS "parentId", c.slug
    FROM unnest($1::text[]) AS t (title) LEFT JOIN category c ON lower(c.title) = lower(t.title)
    UNION ALL
    SELECT NULL, lower(c.title), c.id, c.parent_id, c.slug FROM category c WHERE c.slug = ANY ($2::text[])`,
};

const lockSql: Statement = { name: 'categories_lock', text: `SELECT pg_advisory_xact_lock(727073, 2)` };
const slugsSql: Statement = { name: 'categories_slugs', text: `SELECT c.slug FROM category c` };
const insertSql: Statement = {
  name: 'categories_insert',
  text: `
    INSERT INTO category (id, parent_id, slug, title)
    SELECT s.id, s."parentId", s.slug, s.title FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, "parentId" uuid, slug text, title text)`,
};

interface Category {
  id: string;
  parentId: string | null;
  slug: string;
}

/**
 * Finds or makes the category that each path leads to and gives their ids, in the order of the paths. A step with a known slug is that
 * category, wherever it stands now; others are found below the step before by title, upper and lower case alike. What is missing is made
 * under an advisory lock that is held to the end of the transaction, so that two imports never make the same category or slug. Throws
 * `unknown_category` for a missing one without a title.
 */
export async function resolveCategories(query: Query, paths: readonly CategoryStep[][]): Promise<string[]> {
  if (paths.length === 0) return [];
  const known = await readKnown(query, paths);
  const found = paths.map((path) => walk(known, path)).flatMap(({ at, rest }) => (at && rest.length === 0 ? at.id : []));
  return found.length === paths.length ? found : await makeMissing(query, paths);
}

async function makeMissing(query: Query, paths: readonly CategoryStep[][]): Promise<string[]> {
  await query(lockSql, []);
  // Read again: another import may have made some of them while this one waited.
  const known = await readKnown(query, paths);
  const taken = new Set((await query<{ slug: string }>(slugsSql, [])).map(({ slug }) => slug));
  const made: (Category & { title: string })[] = [];
  const ids = paths.map((path) => {
    let { at, rest } = walk(known, path);
    for (const step of rest) {
      if (step.title.trim() === '') throw new AppError('unknown_category', `There is no category ${step.slug ?? ''}`.trim());
      const category: Category = { id: newId(), parentId: at?.id ?? null, slug: freeSlug(step, at?.slug, taken) };
      taken.add(category.slug);
      made.push({ ...category, title: step.title });
      known.add(category, known.fold(step.title));
      at = category;
    }
    return at?.id ?? '';
  });
  await query(insertSql, [JSON.stringify(made)]);
  return ids;
}

/** How far the path leads among the known categories, and the steps that are missing behind it. */
function walk(known: Known, path: readonly CategoryStep[]): { at: Category | undefined; rest: readonly CategoryStep[] } {
  const start = path.findLastIndex(({ slug }) => slug !== undefined && known.bySlug.has(slug));
  let at = known.bySlug.get(path[start]?.slug ?? '');
  for (const [index, step] of path.entries()) {
    if (index <= start) continue;
    const next = known.child(at, known.fold(step.title));
    if (!next) return { at, rest: path.slice(index) };
    at = next;
  }
  return { at, rest: [] };
}

type Known = Awaited<ReturnType<typeof readKnown>>;

async function readKnown(query: Query, paths: readonly CategoryStep[][]) {
  const steps = paths.flat();
  const titles = [...new Set(steps.map(({ title }) => title))];
  const slugs = [...new Set(steps.flatMap(({ slug }) => slug ?? []))];
  const rows = await query<{ asked: string | null; folded: string; id: string | null; parentId: string | null; slug: string }>(knownSql, [
    titles,
    slugs,
  ]);

  const bySlug = new Map<string, Category>();
  const byTitle = new Map<string, Category>();
  const folds = new Map<string, string>();
  const fold = (title: string) => folds.get(title) ?? title;
  const keyOf = (parentId: string | null, folded: string) => `${parentId}/${folded}`;
  const add = (category: Category, folded: string) => {
    bySlug.set(category.slug, category);
    byTitle.set(keyOf(category.parentId, folded), category);
  };
  for (const { asked, folded, id, parentId, slug } of rows) {
    if (asked !== null) folds.set(asked, folded);
    if (id !== null) add({ id, parentId, slug }, folded);
  }
  return { bySlug, fold, add, child: (parent: Category | undefined, folded: string) => byTitle.get(keyOf(parent?.id ?? null, folded)) };
}
