import { describe, expect, it } from 'vitest';
import { policies } from '../../src/cache/policies.js';
import { FoundVariant } from '../../src/catalog/variant-search.js';
import { CacheState } from '../../src/routes/admin-cache.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

describe('GET /v1/admin/variants', () => {
  const shop = openShop();
  const find = (query: string) => shop.http.get(`/v1/admin/variants?${query}`).set(asAdmin);

  it('finds every variant with the SKU, in whatever product and state, and no other', async () => {
    const one = await shop.create('one', {
      variants: [
        { sku: 'AB-1', options: { Size: 'S' }, price: { amount: 5, currency: 'USD' } },
        { sku: 'ab-1', options: { Size: 'M' } },
      ],
    });
    const two = await shop.create('two', { status: 'draft', variants: [{ sku: 'AB-1' }] });
    const { body, headers } = await find('sku=AB-1').expect(200);
    for (const variant of body.data) expect(FoundVariant.parse(variant)).toEqual(variant);
    expect(body.data).toEqual([
      {
        variantId: one.variants[0]?.id,
        productId: one.id,
        slug: 'one',
        sku: 'AB-1',
        title: 'Title of one',
        variantTitle: 'S',
        price: { amount: 5, currency: 'USD', compareAt: null, validUntil: null },
        available: false,
        version: 1,
      },
      expect.objectContaining({ variantId: two.variants[0]?.id, slug: 'two', price: null }),
    ]);
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('finds nothing for a SKU nobody has, and asks for one', async () => {
    expect((await find('sku=%25').expect(200)).body).toEqual({ data: [] });
    for (const query of ['', 'sku=', 'sku=a%00', 'sku=a&sku=b', 'sku=a&barcode=1']) await find(query).expect(400);
  });
});

describe('GET /v1/admin/cache', () => {
  const shop = openShop();
  const report = async () => {
    const { body, headers } = await shop.http.get('/v1/admin/cache').set(asAdmin).expect(200);
    expect(headers['cache-control']).toBe('private, no-cache');
    return CacheState.parse(body);
  };
  const row = async (name: string) => (await report()).rows.find((candidate) => candidate.name === name);

  it('tells every row of the table as it stands there', async () => {
    const { rows, redis, memory, lease } = await report();
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(policies));
    for (const { name, ...told } of rows) expect(told).toMatchObject(policies[name as keyof typeof policies]);
    expect(redis).toBe('up');
    expect(memory.maxBytes).toBe(32 * 2 ** 20);
    expect(lease).toMatchObject({ mode: 'lease', state: 'held', leaseMs: 2000, isConnected: true, fault: null, blocks: 0, blockedKeys: 0 });
  });

  it('counts hits, misses and fills under the row that was read', async () => {
    await shop.create('counted');
    const before = await row('productDetail');
    await shop.http.get('/v1/products/counted').expect(200);
    await shop.http.get('/v1/products/counted').expect(200);
    await shop.http.get('/v1/products/unknown').expect(404);
    const after = await row('productDetail');
    expect((after?.hits ?? 0) - (before?.hits ?? 0)).toBe(2);
    expect((after?.misses ?? 0) - (before?.misses ?? 0)).toBe(1);
    await shop.http.get('/v1/categories').expect(200);
    expect(await row('categoryTree')).toMatchObject({ misses: 1, fills: 1, hits: 0, staleServes: 0, fillsRefused: 0, waits: 0 });
    expect(await row('inventory')).not.toHaveProperty('hits');
  });
});
