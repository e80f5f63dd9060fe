import { describe, expect, it } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

const nobody = '0198c000-0000-7000-8000-000000000000';

describe('GET /v1/inventory/{variantId}', () => {
  const shop = openShop();

  it('answers the stock as it stands, never from a cache', async () => {
    const { variants } = await shop.create('stocked');
    const id = variants[0]?.id ?? '';
    const { body, headers } = await shop.http.get(`/v1/inventory/${id}`).expect(200);
    expect(body).toEqual({ variantId: id, quantity: 10, available: true });
    expect(headers).toMatchObject({ 'cache-status': 'truetag; fwd=bypass', 'cache-control': 'private, no-cache' });
    await shop.http.put(`/v1/admin/inventory/${id}`).set(asAdmin).send({ quantity: -1 }).expect(200);
    expect((await shop.http.get(`/v1/inventory/${id.toUpperCase()}`).expect(200)).body).toEqual({ variantId: id, quantity: -1, available: false });
  });

  it('does not know variants that shoppers cannot see, and refuses what is no id', async () => {
    const { variants } = await shop.create('stocked-draft', { status: 'draft' });
    for (const id of [variants[0]?.id, nobody]) {
      const { body, headers } = await shop.http.get(`/v1/inventory/${id}`).expect(404);
      expect(body.code).toBe('not_found');
      expect(headers['cache-control']).toBe('private, no-cache');
    }
    await shop.http.get('/v1/inventory/1').expect(400);
    await shop.http.get(`/v1/inventory/${nobody}?warehouse=1`).expect(400);
  });
});

describe('PUT /v1/admin/inventory/{variantId}', () => {
  const shop = openShop();
  const set = (id: string, body: object) => shop.http.put(`/v1/admin/inventory/${id}`).set(asAdmin).send(body);
  const read = async (slug: string) => (await shop.http.get(`/v1/products/${slug}`).expect(200)).body;

  it('moves the version of the product only where `available` flips', async () => {
    const { variants } = await shop.create('flipping');
    const id = variants[0]?.id ?? '';
    const { body, headers } = await set(id, { quantity: 3 }).expect(200);
    expect(body).toEqual({ variantId: id, quantity: 3, available: true });
    expect(headers['cache-control']).toBe('private, no-cache');
    expect(await read('flipping')).toMatchObject({ version: 1, variants: [{ available: true }] });
    await set(id, { quantity: 0 }).expect(200);
    expect(await read('flipping')).toMatchObject({ version: 2, variants: [{ available: false }] });
    await set(id, { quantity: -7 }).expect(200);
    expect((await read('flipping')).version).toBe(2);
    await set(id, { quantity: 1 }).expect(200);
    expect(await read('flipping')).toMatchObject({ version: 3, variants: [{ available: true }] });
  });

  it('takes a product in and out of the listing of what can be bought', async () => {
    const { variants } = await shop.create('listed', { tags: ['stock'] });
    const listed = async () => (await shop.http.get('/v1/products?tag=stock&available=true').expect(200)).body.data.length;
    expect(await listed()).toBe(1);
    await set(variants[0]?.id ?? '', { quantity: 0 }).expect(200);
    expect(await listed()).toBe(0);
    await set(variants[0]?.id ?? '', { quantity: 2 }).expect(200);
    expect(await listed()).toBe(1);
  });

  it('leaves what is sold on available without stock', async () => {
    const { variants } = await shop.create('sold-on', { variants: [{ policy: 'continue', quantity: 1 }] });
    expect((await set(variants[0]?.id ?? '', { quantity: -5 }).expect(200)).body).toEqual({
      variantId: variants[0]?.id,
      quantity: -5,
      available: true,
    });
    expect((await read('sold-on')).version).toBe(1);
  });

  it('refuses an unknown variant, and quantities that are none', async () => {
    await set(nobody, { quantity: 1 }).expect(404);
    for (const quantity of [1.5, '1', null, 1_000_000_001, -1_000_000_001]) await set(nobody, { quantity }).expect(400);
    expect((await set(nobody, { quantity: 1, delta: 1 }).expect(400)).body.errors).toEqual([{ path: 'delta', message: expect.any(String) }]);
  });
});
