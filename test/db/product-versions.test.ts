import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

async function idAt(slug: string): Promise<string | undefined> {
  return (await catalog.reads.versions([`slug:${slug}`])).get(`slug:${slug}`)?.id;
}

describe('versions', () => {
  it('finds a product by id, current slug and old slug in one answer', async () => {
    const state = product('first-name');
    await catalog.save(state);
    const [document] = await catalog.save({ ...state, slug: 'second-name' });
    const found = await catalog.reads.versions([`id:${state.id}`, 'slug:first-name', 'slug:second-name', 'slug:nobody']);
    const stands = { id: state.id, slug: 'second-name', version: 2, token: document?.token };
    expect(Object.fromEntries(found)).toEqual({ [`id:${state.id}`]: stands, 'slug:first-name': stands, 'slug:second-name': stands });
  });

  it('lets the live slug win over one that history still holds', async () => {
    const [old, live] = [product('old-owner'), product('contested')];
    await catalog.save(old, live);
    const { token, keyCount } = await catalog.arm('slug:contested');
    await catalog.rows(
      `BEGIN; SELECT begin_write('${token}', ${keyCount}); INSERT INTO slug_history (slug, product_id) VALUES ('contested', '${old.id}'); COMMIT`,
    );
    expect(await idAt('contested')).toBe(live.id);
  });

  it('answers what no row can have with nothing, and asks nobody', async () => {
    const found = await catalog.reads.versions([
      'slug:\0',
      'slug:\ud800',
      'id:nonsense',
      'id:',
      "id:00000000-0000-0000-0000-00000000000'",
      'odd',
      '',
    ]);
    expect(found.size).toBe(0);
  });
});

describe('slug history', () => {
  it('keeps every slug a product had', async () => {
    const state = product('name-1');
    for (const slug of ['name-1', 'name-2', 'name-3']) await catalog.save({ ...state, slug });
    expect(await Promise.all(['name-1', 'name-2', 'name-3'].map(idAt))).toEqual([state.id, state.id, state.id]);
    expect((await catalog.stateOf(state.id))?.previousSlugs).toEqual(['name-1', 'name-2']);
  });

  it('forgets a slug that its product takes into use again', async () => {
    const state = product('there');
    for (const slug of ['there', 'away', 'there']) await catalog.save({ ...state, slug });
    expect((await catalog.stateOf(state.id))?.previousSlugs).toEqual(['away']);
  });

  it('gives an abandoned slug to the product that takes it into use', async () => {
    const [mover, taker] = [product('good-name'), product('taker')];
    await catalog.save(mover, taker);
    await catalog.save({ ...mover, slug: 'moved' });
    await catalog.save({ ...taker, slug: 'good-name' });
    expect(await idAt('good-name')).toBe(taker.id);
    await catalog.save({ ...taker, slug: 'elsewhere' });
    expect(await idAt('good-name')).toBe(taker.id);
    expect((await catalog.stateOf(mover.id))?.previousSlugs).toEqual([]);
  });

  it('takes remembered slugs of a file only where nobody else has them', async () => {
    const [live, former] = [product('live-slug'), product('former-1')];
    await catalog.save(live, former);
    await catalog.save({ ...former, slug: 'former-2' });
    const late = product('latecomer', { previousSlugs: ['former-1', 'free-slug', 'live-slug'] });
    await catalog.save(late);
    expect((await catalog.stateOf(late.id))?.previousSlugs).toEqual(['free-slug']);
    expect([await idAt('live-slug'), await idAt('former-1')]).toEqual([live.id, former.id]);
  });
});
