import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CategoryStep } from '../../src/catalog/product-state.js';
import { createCategoryReads } from '../../src/db/categories.js';
import { inShopWords } from '../../src/db/failures.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

/** Saves a product in these categories and says which path each came to. */
async function pathsOf(...categories: CategoryStep[][]): Promise<string[]> {
  const state = product(newId(), { categories, status: 'draft' });
  await catalog.save(state);
  return ((await catalog.stateOf(state.id))?.categories ?? []).map((path) => path.map(({ slug }) => slug).join('/'));
}

const titles = (...steps: string[]): CategoryStep[] => steps.map((title) => ({ title }));

describe('the way to a category', () => {
  it('is made where it is missing and found where it is, upper and lower case alike', async () => {
    expect(await pathsOf(titles('Home & Garden', 'Lamps'))).toEqual(['home-and-garden/lamps']);
    expect(await pathsOf(titles('HOME & garden', 'lamps'), titles('home & GARDEN'))).toEqual(['home-and-garden/lamps', 'home-and-garden']);
  });

  it('gets a slug of its own where the title is taken elsewhere', async () => {
    expect(await pathsOf(titles('Kids', 'Lamps'))).toEqual(['kids/kids-lamps']);
    expect(await pathsOf(titles('Kids', 'lamps!'))).toEqual(['kids/kids-lamps-2']);
    expect(await pathsOf(titles('日本語'), titles('💡'), titles('🪔'))).toEqual(['日本語', 'category', 'category-2']);
  });

  it('begins at a known slug, wherever that stands now, and leaves its title', async () => {
    expect(await pathsOf([{ slug: 'not-there', title: 'Elsewhere' }, { slug: 'lamps', title: 'Renamed' }, { title: 'Desk' }])).toEqual([
      'home-and-garden/lamps/desk',
    ]);
    expect(await catalog.rows(`SELECT title FROM category WHERE slug IN ('lamps', 'not-there')`)).toEqual([{ title: 'Lamps' }]);
  });

  it('keeps a slug that the step brings, and finds a sibling of the same title before making one', async () => {
    expect(await pathsOf([{ slug: 'own-slug', title: 'Sofas' }])).toEqual(['own-slug']);
    expect(await pathsOf([{ slug: 'another-slug', title: 'sofas' }])).toEqual(['own-slug']);
  });

  it('counts once where two paths lead to one category', async () => {
    expect(await pathsOf(titles('Sofas'), [{ slug: 'own-slug', title: 'x' }], [])).toEqual(['own-slug']);
  });

  it('is made once by imports that run side by side', async () => {
    const found = await Promise.all(Array.from({ length: 5 }, () => pathsOf(titles('Parallel', 'Deep', 'Deeper'), titles('Side', 'Deep'))));
    expect(new Set(found.map((paths) => paths.join())).size).toBe(1);
    expect(await catalog.rows(`SELECT count(*)::int AS made FROM category WHERE title IN ('Parallel', 'Side', 'Deep', 'Deeper')`)).toEqual([
      { made: 5 },
    ]);
  });
});

describe('the tree', () => {
  it('has parents before children, siblings by title, and each active product once per branch', async () => {
    await catalog.close();
    catalog = await openCatalog();
    await catalog.save(
      product('in-both', { categories: [titles('Home', 'Lamps'), titles('Home', 'chairs'), titles('Home')] }),
      product('in-one', { categories: [titles('Home', 'Lamps', 'Desk')] }),
      product('unseen', { categories: [titles('Home', 'Lamps')], status: 'draft' }),
      product('empty-one', { categories: [titles('Attic')], status: 'archived' }),
    );
    expect(await createCategoryReads(catalog.db).all()).toEqual([
      { slug: 'attic', title: 'Attic', parentSlug: null, productCount: 0 },
      { slug: 'home', title: 'Home', parentSlug: null, productCount: 2 },
      { slug: 'chairs', title: 'chairs', parentSlug: 'home', productCount: 1 },
      { slug: 'lamps', title: 'Lamps', parentSlug: 'home', productCount: 2 },
      { slug: 'desk', title: 'Desk', parentSlug: 'lamps', productCount: 1 },
    ]);
  });

  it('refuses to become a ring, in the shop’s words', async () => {
    const bend = `UPDATE category SET parent_id = (SELECT id FROM category WHERE slug = 'desk') WHERE slug = 'home'`;
    await expect(inShopWords(() => catalog.db.pool.query(bend))).rejects.toMatchObject({ code: 'conflict' });
    await expect(inShopWords(() => catalog.db.pool.query('UPDATE category SET parent_id = id'))).rejects.toMatchObject({ code: 'conflict' });
  });
});
