import { describe, expect, it } from 'vitest';
import { AdminProduct } from '../../src/catalog/product-input.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

const nobody = '0198c000-0000-7000-8000-000000000000';

describe('the products of the admin', () => {
  const shop = openShop();
  const post = (body: object) => shop.http.post('/v1/admin/products').set(asAdmin).send(body);
  const get = (id: string, query = '') => shop.http.get(`/v1/admin/products/${id}${query}`).set(asAdmin);
  const patch = (id: string, body: object) => shop.http.patch(`/v1/admin/products/${id}`).set(asAdmin).send(body);
  const archive = (id: string) => shop.http.delete(`/v1/admin/products/${id}`).set(asAdmin);

  it('need nothing but a title: a draft under a slug made of it', async () => {
    const { body, headers } = await post({ title: '  Grüner Stuhl & Co ' }).expect(201);
    expect(AdminProduct.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      title: 'Grüner Stuhl & Co',
      slug: 'gruener-stuhl-and-co',
      status: 'draft',
      version: 1,
      variants: [],
      priceRange: null,
      brand: null,
    });
    expect(headers).toMatchObject({ location: `/v1/admin/products/${body.id}`, etag: '"1.1"', 'cache-control': 'private, no-cache' });
    expect((await post({ title: '緑の椅子' }).expect(201)).body.slug).toBe('緑の椅子');
    expect((await post({ title: '!!!' }).expect(422)).body.errors).toEqual([{ path: 'slug', message: expect.any(String) }]);
  });

  it('show an editor all prices, the stock and what becomes of it, drafts included', async () => {
    const { id } = await shop.create('full', {
      status: 'draft',
      variants: [
        {
          prices: [
            { amount: 7, currency: 'USD' },
            { amount: 500, currency: 'JPY', compareAt: 600 },
          ],
          quantity: -2,
          policy: 'continue',
        },
      ],
    });
    const { body, headers } = await get(id).expect(200);
    expect(AdminProduct.parse(body)).toEqual(body);
    const jpy = { amount: 500, currency: 'JPY', compareAt: 600, validUntil: null };
    const usd = { amount: 7, currency: 'USD', compareAt: null, validUntil: null };
    expect(body.variants).toMatchObject([{ price: usd, prices: [jpy, usd], quantity: -2, policy: 'continue', available: true }]);
    expect(headers).toMatchObject({ etag: '"1.1"', 'cache-control': 'private, no-cache' });
    expect((await get(id, '?currency=JPY').expect(200)).body.variants[0].price).toEqual(jpy);
    expect((await get(id, '?currency=ZZZ').expect(422)).body.code).toBe('unknown_currency');
  });

  it('stand as they were where their own document is sent back', async () => {
    const made = await shop.create('round-trip', {
      description: '<p>a &amp; b</p>',
      brand: 'Brick',
      categories: [
        { slug: 'lamps', title: 'Lamps' },
        { slug: 'gifts', title: 'Gifts' },
      ],
      tags: ['b', 'A'],
      options: [
        { name: 'Size', values: ['unused', 'M'] },
        { name: 'Colour', values: [] },
      ],
      attributes: { z: 1, a: { y: [true, null], x: 'é' } },
      media: [
        { url: '/b.svg', position: 2 },
        { url: '/a.svg', alt: 'a', position: 1 },
      ],
      variants: [
        {
          options: { Size: 'M', Colour: 'Red' },
          prices: [
            { amount: 7, currency: 'USD' },
            { amount: 5, currency: 'JPY' },
          ],
          position: 4,
        },
        { options: { Size: 'L', Colour: 'Red' }, sku: 'L', quantity: 3, position: 2 },
      ],
    });
    for (const query of ['', '?currency=JPY', '?currency=OMR']) {
      const { body } = await get(made.id, query).expect(200);
      const answer = await patch(made.id, body).set('if-match', '"1.1"').expect(200);
      expect(answer.body).toEqual((await get(made.id).expect(200)).body);
      expect(answer.headers['etag']).toBe('"1.1"');
    }
    expect((await patch(made.id, {}).expect(200)).body.version).toBe(1);
  });

  it('change in what is sent and stay in what is left out', async () => {
    const { id } = await shop.create('partly', { brand: 'Brick', tags: ['a'], attributes: { a: 1 } });
    const { body } = await patch(id, { tags: ['b', 'b'], attributes: {} }).expect(200);
    expect(body).toMatchObject({
      version: 2,
      brand: 'Brick',
      tags: ['b'],
      attributes: {},
      title: 'Title of partly',
      variants: [{ sku: 'partly', quantity: 10 }],
    });
    expect((await patch(id, { brand: null }).expect(200)).body).toMatchObject({ brand: null, version: 3 });
  });

  it('hold a change to the version it was meant for', async () => {
    const { id } = await shop.create('matched');
    for (const [ifMatch, status] of [
      ['"2"', 412],
      ['W/"1.1"', 412],
      ['"1"', 200],
      ['"1.1"', 412],
      ['"2.1"', 200],
      ['*', 200],
    ] as const) {
      await patch(id, { title: `for ${ifMatch}` })
        .set('if-match', ifMatch)
        .expect(status);
    }
    const { body } = await archive(id).set('if-match', '"1"').expect(412);
    expect(body).toMatchObject({ code: 'version_mismatch', status: 412 });
  });

  it('refuse a slug that another product has, in a change, at the start and at the same time', async () => {
    const { id } = await shop.create('taken');
    const other = await shop.create('other');
    for (const answer of [await post({ title: 'x', slug: 'taken' }), await patch(other.id, { slug: 'taken' })]) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'slug_taken', detail: expect.stringContaining('taken') } });
    }
    expect((await get(other.id).expect(200)).body).toMatchObject({ slug: 'other', version: 1 });
    const both = await Promise.all([post({ title: 'x', slug: 'at-once' }), post({ title: 'y', slug: 'at-once' })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect((await patch(id, { slug: 'taken' }).expect(200)).body.version).toBe(1);
  });

  it('are archived by DELETE, which a second one does not change, and come back by their status', async () => {
    const { id } = await shop.create('archived');
    const { body, headers } = await archive(id).expect(200);
    expect(body).toMatchObject({ id, status: 'archived', version: 2, variants: [{ sku: 'archived' }] });
    expect(headers['etag']).toBe('"2.1"');
    await shop.http.get('/v1/products/archived').expect(404);
    expect((await archive(id).expect(200)).body.version).toBe(2);
    await patch(id, { status: 'active' }).expect(200);
    expect((await shop.http.get('/v1/products/archived').expect(200)).body.version).toBe(3);
  });

  it('are not found under ids that nobody has', async () => {
    for (const answer of [await get(nobody), await patch(nobody, { title: 'x' }), await archive(nobody)]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' }, headers: { 'cache-control': 'private, no-cache' } });
    }
    await get('1').expect(400);
  });

  it.each([
    ['without a title', {}, 400, 'title'],
    ['with a blank title', { title: ' ' }, 400, 'title'],
    ['with a NUL', { title: 'a\0' }, 400, 'title'],
    ['with half a surrogate pair', { title: 'a\udc00' }, 400, 'title'],
    ['with a field nobody knows', { title: 'x', price: 1 }, 400, 'price'],
    ['with an image that runs code', { title: 'x', media: [{ url: 'javascript:alert(1)' }] }, 400, 'media.0.url'],
    ['with an option without a name', { title: 'x', variants: [{ options: { ' ': 'S' } }] }, 400, 'variants.0.options. '],
    ['with a slug of two segments', { title: 'x', slug: 'a/b' }, 400, 'slug'],
    ['with a NUL among its attributes', { title: 'x', attributes: { a: ['\0'] } }, 422, 'attributes'],
    ['with half a surrogate pair for an attribute', { title: 'x', attributes: { '\ud800': 1 } }, 422, 'attributes'],
    ['with more attributes than anyone reads', { title: 'x', attributes: { a: 'a'.repeat(100_001) } }, 422, 'attributes'],
    ['in a category that does not exist and has no title', { title: 'x', categories: [{ slug: 'nowhere' }] }, 422, undefined],
    ['with an image twice', { title: 'x', media: [{ url: '/a' }, { url: '/a' }] }, 422, 'media.1.url'],
    ['in a category twice', { title: 'x', categories: [{ slug: 'a', title: 'A' }, { slug: 'a' }] }, 422, 'categories.1.slug'],
  ])('are refused %s', async (_, body, status, path) => {
    const answer = await post(body).expect(status);
    expect(answer.body.errors?.[0]?.path).toBe(path);
  });
});
