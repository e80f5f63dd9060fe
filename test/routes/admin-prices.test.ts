import { describe, expect, it } from 'vitest';
import { PriceWrite } from '../../src/catalog/price-writes.js';
import { PriceChanged } from '../../src/catalog/product-input.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

const nobody = '0198c000-0000-7000-8000-000000000000';

describe('PATCH /v1/admin/variants/{id}/price', () => {
  const shop = openShop();
  const change = (id: string | undefined, body: object, ifMatch?: string) => {
    const request = shop.http.patch(`/v1/admin/variants/${id}/price`).set(asAdmin);
    return (ifMatch === undefined ? request : request.set('if-match', ifMatch)).send(body);
  };
  const read = async (slug: string, query = '') => (await shop.http.get(`/v1/products/${slug}${query}`).expect(200)).body;

  it('answers the price with the version it made, and the next read shows both', async () => {
    const { id, variants } = await shop.create('priced');
    const { body, headers } = await change(variants[0]?.id, { currency: 'USD', amount: 1499, compareAt: 1999 }).expect(200);
    expect(PriceChanged.parse(body)).toEqual(body);
    expect(body).toEqual({
      variantId: variants[0]?.id,
      productId: id,
      slug: 'priced',
      price: { amount: 1499, currency: 'USD', compareAt: 1999, validUntil: null },
      version: 2,
    });
    expect(headers['cache-control']).toBe('private, no-cache');
    expect(await read('priced')).toMatchObject({ version: 2, variants: [{ price: body.price }], priceRange: { min: { amount: 1499 } } });
    const listing = await shop.http.get('/v1/products?priceMax=1499').expect(200);
    expect(listing.body.data).toMatchObject([{ slug: 'priced', price: body.price, version: 2 }]);
  });

  it('leaves the version where the price is the same again', async () => {
    const { variants } = await shop.create('same-again');
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 1999 }).expect(200)).body.version).toBe(1);
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 1999, compareAt: null }).expect(200)).body.version).toBe(1);
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 1999, compareAt: 2999 }).expect(200)).body.version).toBe(2);
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 1999, compareAt: 2999 }).expect(200)).body.version).toBe(2);
  });

  it('keeps a compareAt that is left out and clears one that is null', async () => {
    const { variants } = await shop.create('compared');
    await change(variants[0]?.id, { currency: 'USD', amount: 1000, compareAt: 2000 }).expect(200);
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 900 }).expect(200)).body.price).toMatchObject({ amount: 900, compareAt: 2000 });
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 900, compareAt: null }).expect(200)).body.price.compareAt).toBeNull();
    expect((await read('compared')).version).toBe(4);
  });

  it('takes minor units as ISO 4217 counts them, in any of its currencies, and leaves the others alone', async () => {
    const { variants } = await shop.create('worldwide');
    await change(variants[0]?.id, { currency: 'JPY', amount: 1999 }).expect(200);
    const { body } = await change(variants[0]?.id, { currency: 'OMR', amount: 1999 }).expect(200);
    expect(body.price).toEqual({ amount: 1999, currency: 'OMR', compareAt: null, validUntil: null });
    expect((await read('worldwide', '?currency=JPY')).priceRange.max).toEqual({ amount: 1999, currency: 'JPY' });
    expect((await read('worldwide')).variants[0].price).toMatchObject({ amount: 1999, currency: 'USD' });
  });

  it.each([
    ['the bare version', '"1"', 200],
    ['the ETag of the product', '"1.1"', 200],
    ['the ETag of its page', '"1.1000123456789012"', 200],
    ['one of several', '"7", "1"', 200],
    ['any version', '*', 200],
    ['another version', '"2"', 412],
    ['a version that only begins alike', '"11"', 412],
    ['a weak validator', 'W/"1.1"', 412],
    ['no validator at all', '1', 412],
  ])('holds If-Match to %s', async (_, ifMatch, status) => {
    const { variants } = await shop.create(`matched-${ifMatch.replaceAll(/\W/g, '')}-${status}`);
    const { body } = await change(variants[0]?.id, { currency: 'USD', amount: 1 }, ifMatch).expect(status);
    if (status === 412) expect(body).toMatchObject({ code: 'version_mismatch', status: 412, detail: expect.stringContaining('version 1') });
    else expect(body.version).toBe(2);
  });

  it('lets one of two changes to the same version through', async () => {
    const { variants } = await shop.create('contended');
    const answers = await Promise.all([1, 2].map((amount) => change(variants[0]?.id, { currency: 'USD', amount }, '"1"')));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200)?.body.price.amount;
    expect((await read('contended')).variants[0].price.amount).toBe(won);
  });

  it('changes a product that shoppers do not see', async () => {
    const { variants } = await shop.create('drafted', { status: 'draft' });
    expect((await change(variants[0]?.id, { currency: 'USD', amount: 5 }).expect(200)).body.version).toBe(2);
  });

  it.each([
    ['a currency that ISO 4217 does not list', { currency: 'ZZZ', amount: 1 }, 422],
    ['a negative amount', { currency: 'USD', amount: -1 }, 400],
    ['a float', { currency: 'USD', amount: 19.99 }, 400],
    ['a string', { currency: 'USD', amount: '1999' }, 400],
    ['a typing error of twelve zeros', { currency: 'USD', amount: 1_000_000_000_001 }, 400],
    ['no amount', { currency: 'USD' }, 400],
    ['a window, which does not exist yet', { currency: 'USD', amount: 1, validUntil: null }, 400],
  ])('refuses %s', async (_, body, status) => {
    const { variants } = await shop.create(`refusing-${Object.values(body).join('-').toLowerCase()}-${status}`);
    await change(variants[0]?.id, body).expect(status);
  });

  it('refuses an unknown variant, and an Idempotency-Key until keys are kept', async () => {
    expect((await change(nobody, { currency: 'USD', amount: 1 }).expect(404)).body.code).toBe('not_found');
    const { variants } = await shop.create('idempotent');
    const { body } = await change(variants[0]?.id, { currency: 'USD', amount: 1 }).set('idempotency-key', 'a').expect(400);
    expect(body).toMatchObject({ code: 'invalid', errors: [{ path: 'idempotency-key', message: expect.any(String) }] });
    expect((await read('idempotent')).version).toBe(1);
  });

  it('is told by GET /v1/admin/price-writes, the newest first; what changed nothing is not', async () => {
    const { id, variants } = await shop.create('logged');
    await change(variants[0]?.id, { currency: 'USD', amount: 1 }).expect(200);
    await change(variants[0]?.id, { currency: 'USD', amount: 2 }).expect(200);
    await change(variants[0]?.id, { currency: 'USD', amount: 2 }).expect(200);
    const { body, headers } = await shop.http.get('/v1/admin/price-writes').set(asAdmin).expect(200);
    for (const write of body.data) expect(PriceWrite.parse(write)).toEqual(write);
    expect(body.data.slice(0, 2)).toMatchObject([
      { productId: id, variantId: variants[0]?.id, version: 3, acks: [] },
      { productId: id, version: 2 },
    ]);
    const { startedAt, armedAt, passedAt, committedAt, answeredAt, token } = body.data[0];
    const times = [startedAt, armedAt, passedAt, committedAt, answeredAt];
    expect(times).toEqual(times.toSorted());
    expect(token).not.toBe(body.data[1].token);
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('is told where it came with the whole product as well: made, edited, archived, and not where nothing changed', async () => {
    const { id } = await shop.create('whole');
    const edit = (patch: object) => shop.http.patch(`/v1/admin/products/${id}`).set(asAdmin).send(patch).expect(200);
    await edit({ title: 'Another title' });
    await edit({ title: 'Another title' });
    await shop.http.delete(`/v1/admin/products/${id}`).set(asAdmin).expect(200);
    const { body } = await shop.http.get('/v1/admin/price-writes').set(asAdmin).expect(200);
    const told = body.data.filter(({ productId }: PriceWrite) => productId === id);
    expect(told.map(({ version, variantId }: PriceWrite) => [version, variantId])).toEqual([
      [3, null],
      [2, null],
      [1, null],
    ]);
  });
});
