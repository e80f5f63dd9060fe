import { beforeAll, describe, expect, it } from 'vitest';
import { CategoryPage, CategoryTree } from '../../src/catalog/category-service.js';
import { asAdmin } from '../harness/service.js';
import { importCsv } from './import-csv.js';
import { openShop } from './open-shop.js';

const file = `Handle,Title,Product Category,Type,Status,Variant Price
parka,Parka,Clothes > Outer > Parkas,Gifts,active,10
coat,Coat,Clothes > Outer,,active,5
sock,Sock,clothes > Socks,,active,5
hidden,Hidden,Clothes > Socks,,draft,5
`;

describe('categories', () => {
  const shop = openShop();

  beforeAll(async () => {
    expect((await importCsv(shop, file)).state).toBe('done');
  });

  it('stand as a tree with each active product counted once on the way up', async () => {
    const { body, headers } = await shop.http.get('/v1/categories').expect(200);
    expect(CategoryTree.parse(body)).toEqual(body);
    expect(body.data).toEqual([
      {
        slug: 'clothes',
        title: 'Clothes',
        productCount: 3,
        children: [
          { slug: 'outer', title: 'Outer', productCount: 2, children: [{ slug: 'parkas', title: 'Parkas', productCount: 1, children: [] }] },
          { slug: 'socks', title: 'Socks', productCount: 1, children: [] },
        ],
      },
      { slug: 'gifts', title: 'Gifts', productCount: 1, children: [] },
    ]);
    expect(headers).toMatchObject({ 'cache-control': 'private, no-cache', 'cache-status': 'truetag; fwd=miss; stored' });
    expect((await shop.http.get('/v1/categories').expect(200)).headers['cache-status']).toBe('truetag; hit; detail=memory');
  });

  it('show one with the way to it and what is below', async () => {
    const { body, headers } = await shop.http.get('/v1/categories/outer').expect(200);
    expect(CategoryPage.parse(body)).toEqual(body);
    expect(body).toEqual({
      slug: 'outer',
      title: 'Outer',
      productCount: 2,
      path: [
        { slug: 'clothes', title: 'Clothes' },
        { slug: 'outer', title: 'Outer' },
      ],
      children: [{ slug: 'parkas', title: 'Parkas', productCount: 1, children: [] }],
    });
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('count anew after a product has changed places', async () => {
    const { id } = (await shop.http.get('/v1/products/coat').expect(200)).body;
    await shop.patch(id, { categories: [{ slug: 'gifts' }] });
    expect((await shop.http.get('/v1/categories/gifts').expect(200)).body.productCount).toBe(2);
    expect((await shop.http.get('/v1/categories/outer').expect(200)).body.productCount).toBe(1);
    await shop.http.delete(`/v1/admin/products/${id}`).set(asAdmin).expect(200);
    expect((await shop.http.get('/v1/categories/gifts').expect(200)).body.productCount).toBe(1);
  });

  it('answer 404 for a slug nobody has, until a category is made of it', async () => {
    const { body, headers } = await shop.http.get('/v1/categories/garden').expect(404);
    expect(body).toMatchObject({ code: 'not_found', status: 404 });
    expect(headers['cache-control']).toBe('private, no-cache');
    await shop.create('spade', { categories: [{ slug: 'garden', title: 'Garden' }] });
    expect((await shop.http.get('/v1/categories/garden').expect(200)).body).toMatchObject({
      productCount: 1,
      path: [{ slug: 'garden', title: 'Garden' }],
    });
  });

  it('refuse parameters and slugs that are none', async () => {
    expect((await shop.http.get('/v1/categories?depth=1').expect(400)).body.errors).toEqual([{ path: 'depth', message: expect.any(String) }]);
    await shop.http.get('/v1/categories/socks?currency=EUR').expect(400);
    await shop.http.get('/v1/categories/a%20b').expect(400);
  });
});
