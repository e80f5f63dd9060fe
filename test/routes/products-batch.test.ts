import { describe, expect, it } from 'vitest';
import { Product } from '../../src/catalog/product.js';
import { openShop } from './open-shop.js';

describe('POST /v1/products/batch', () => {
  const shop = openShop();
  const batch = (body: object) => shop.http.post('/v1/products/batch').send(body);
  const slugsOf = (body: { data: { slug: string }[] }) => body.data.map(({ slug }) => slug);

  it('answers in the order asked, each product once, and names what is missing', async () => {
    for (const slug of ['first', 'second', 'third']) await shop.create(slug);
    await shop.create('a-draft', { status: 'draft' });
    await shop.create('an-archived', { status: 'archived' });
    const slugs = ['third', 'a-draft', 'first', 'nobody', 'third', 'second', 'an-archived', 'nobody', 'first'];
    const { body, headers } = await batch({ slugs }).expect(200);
    expect(slugsOf(body)).toEqual(['third', 'first', 'second']);
    expect(body.missing).toEqual(['a-draft', 'nobody', 'an-archived']);
    for (const product of body.data) expect(Product.parse(product)).toEqual(product);
    expect(headers).toMatchObject({
      'cache-control': 'private, no-cache',
      'cache-status': expect.stringMatching(/^truetag; /),
      'content-type': 'application/json; charset=utf-8',
    });
  });

  it('resolves old slugs, and a product that is asked for by both comes once', async () => {
    const { id } = await shop.create('before');
    await shop.create('bystander');
    await shop.patch(id, { slug: 'after' });
    expect(slugsOf((await batch({ slugs: ['before', 'bystander', 'after'] }).expect(200)).body)).toEqual(['after', 'bystander']);
    const { body } = await batch({ slugs: ['bystander', 'before'] }).expect(200);
    expect(body).toMatchObject({ data: [{ slug: 'bystander' }, { slug: 'after', id }], missing: [] });
  });

  it('answers the documents of the detail page, in the currency asked for', async () => {
    await shop.create('priced', { variants: [{ prices: [{ amount: 700, currency: 'EUR' }] }] });
    const detail = await shop.http.get('/v1/products/priced?currency=EUR').expect(200);
    expect((await batch({ slugs: ['priced'], currency: 'EUR' }).expect(200)).body.data).toEqual([detail.body]);
    expect((await batch({ slugs: ['priced'] }).expect(200)).body.data[0].priceRange).toBeNull();
  });

  it('takes 1 to 100 slugs', async () => {
    await batch({ slugs: Array.from({ length: 100 }, (_, i) => `slug-${i}`) }).expect(200);
    const tooMany = await batch({ slugs: Array.from({ length: 101 }, (_, i) => `slug-${i}`) }).expect(400);
    expect(tooMany.body.errors).toEqual([{ path: 'slugs', message: expect.any(String) }]);
    await batch({ slugs: [] }).expect(400);
  });

  it.each([
    ['a currency nobody has', { slugs: ['x'], currency: 'ZZZ' }, 422],
    ['a field it does not know', { slugs: ['x'], facets: true }, 400],
    ['a slug with a slash', { slugs: ['a/b'] }, 400],
    ['a slug that is a way through the path', { slugs: ['..'] }, 400],
    ['a NUL', { slugs: ['a\0'] }, 400],
    ['half a surrogate pair', { slugs: ['a\ud800'] }, 400],
    ['no object at all', ['x'], 400],
  ])('refuses %s', async (_, body, status) => {
    await batch(body).expect(status);
  });

  it('refuses a parameter in the query, by name', async () => {
    const { body } = await shop.http
      .post('/v1/products/batch?currency=EUR')
      .send({ slugs: ['x'] })
      .expect(400);
    expect(body.errors).toEqual([{ path: 'currency', message: expect.any(String) }]);
  });

  it('leaves GET of a product whose slug is batch to that product', async () => {
    await shop.create('batch');
    expect((await shop.http.get('/v1/products/batch').expect(200)).body.slug).toBe('batch');
  });
});
