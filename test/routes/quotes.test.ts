import { describe, expect, it } from 'vitest';
import { Quote } from '../../src/catalog/quote-service.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

const nobody = '0198c000-0000-7000-8000-000000000000';

describe('POST /v1/quotes', () => {
  const shop = openShop();
  const quote = (lines: object[], currency = 'USD') => shop.http.post('/v1/quotes').send({ currency, lines });
  async function variant(slug: string, changes: object = {}): Promise<string> {
    const made = await shop.create(slug, {
      variants: [{ sku: slug, quantity: 10, price: { amount: 1999, currency: 'USD', compareAt: 2499 }, ...changes }],
    });
    return made.variants[0]?.id ?? '';
  }

  it('answers prices, stock and totals, past every cache', async () => {
    const [a, b] = [await variant('quoted-a'), await variant('quoted-b', { price: { amount: 1, currency: 'USD' } })];
    const { body, headers } = await quote([
      { variantId: a, quantity: 3, expected: { amount: 1999, currency: 'USD' } },
      { variantId: b, quantity: 1 },
    ]).expect(200);
    expect(Quote.parse(body)).toEqual(body);
    expect(body).toMatchObject({ currency: 'USD', total: { amount: 5998, currency: 'USD' }, ok: true });
    expect(body.lines[0]).toEqual({
      variantId: a,
      quantity: 3,
      product: { id: expect.any(String), slug: 'quoted-a', title: 'Title of quoted-a', variantTitle: 'Default Title', sku: 'quoted-a', version: 1 },
      price: { amount: 1999, currency: 'USD', compareAt: 2499, validUntil: null },
      total: { amount: 5997, currency: 'USD' },
      available: true,
      stock: 10,
      expected: { amount: 1999, currency: 'USD' },
      priceDiffers: false,
      problems: [],
    });
    expect(headers).toMatchObject({ 'cache-status': 'truetag; fwd=bypass', 'cache-control': 'private, no-cache' });
    expect(headers).not.toHaveProperty('etag');
  });

  it('shows a price change and a stock change at once', async () => {
    const id = await variant('quoted-change');
    await quote([{ variantId: id, quantity: 1 }]).expect(200);
    await shop.http.patch(`/v1/admin/variants/${id}/price`).set(asAdmin).send({ currency: 'USD', amount: 5 }).expect(200);
    await shop.http.put(`/v1/admin/inventory/${id}`).set(asAdmin).send({ quantity: 4 }).expect(200);
    expect((await quote([{ variantId: id, quantity: 1 }]).expect(200)).body.lines[0]).toMatchObject({ price: { amount: 5 }, stock: 4 });
  });

  it('says of a line whose expected price differs, in amount or in currency', async () => {
    const id = await variant('quoted-expected');
    const { body } = await quote([
      { variantId: id, quantity: 1, expected: { amount: 1998, currency: 'USD' } },
      { variantId: id, quantity: 1, expected: { amount: 1999, currency: 'EUR' } },
    ]).expect(200);
    expect(body.ok).toBe(false);
    expect(body.lines).toMatchObject([
      { priceDiffers: true, problems: ['price_differs'], price: { amount: 1999 } },
      { priceDiffers: true, problems: ['price_differs'] },
    ]);
  });

  it('says of a variant that shoppers cannot buy: unknown, hidden, without a price in the currency', async () => {
    const hidden = await shop.create('quoted-draft', { status: 'draft' });
    const id = await variant('quoted-unpriced');
    const lines = [nobody, hidden.variants[0]?.id, id].map((variantId) => ({ variantId, quantity: 1 }));
    const { body } = await quote(lines, 'EUR').expect(200);
    expect(body.lines).toMatchObject([
      { problems: ['unknown_variant'], product: null, price: null, total: null, available: false, stock: null },
      { problems: ['unknown_variant'], product: null },
      { problems: ['no_price'], price: null, total: null, stock: 10 },
    ]);
    expect(body).toMatchObject({ total: null, ok: false });
  });

  it('shares the stock of a variant among its lines, and sells on where the shop says so', async () => {
    const id = await variant('quoted-stock');
    const line = { variantId: id, quantity: 6 };
    expect((await quote([line]).expect(200)).body.ok).toBe(true);
    const { body } = await quote([line, line]).expect(200);
    expect(body.lines).toMatchObject([{ problems: ['insufficient_stock'] }, { problems: ['insufficient_stock'] }]);
    const onward = await variant('quoted-onward', { quantity: -3, policy: 'continue' });
    expect((await quote([{ variantId: onward, quantity: 100 }]).expect(200)).body).toMatchObject({
      ok: true,
      lines: [{ stock: -3, available: true }],
    });
  });

  it('says totals far above what one piece may cost, and refuses those that JSON could not say exactly', async () => {
    const id = await variant('quoted-dear', { price: { amount: 1_000_000_000_000, currency: 'USD' }, policy: 'continue' });
    const { body } = await quote([{ variantId: id, quantity: 9_000 }]).expect(200);
    expect(body.total).toEqual({ amount: 9_000_000_000_000_000, currency: 'USD' });
    const { body: refused } = await quote([{ variantId: id, quantity: 9_008 }]).expect(422);
    expect(refused.code).toBe('unusable');
    await quote([
      { variantId: id, quantity: 9_000 },
      { variantId: id, quantity: 9_000 },
    ]).expect(422);
  });

  it('refuses a currency that ISO 4217 does not list, also in what was expected', async () => {
    expect((await quote([{ variantId: nobody, quantity: 1 }], 'ZZZ').expect(422)).body.code).toBe('unknown_currency');
    await quote([{ variantId: nobody, quantity: 1, expected: { amount: 1, currency: 'ZZZ' } }]).expect(422);
  });

  it.each([
    ['no lines', { currency: 'USD', lines: [] }, 'lines'],
    ['no currency', { lines: [{ variantId: nobody, quantity: 1 }] }, 'currency'],
    ['a quantity of none', { currency: 'USD', lines: [{ variantId: nobody, quantity: 0 }] }, 'lines.0.quantity'],
    ['part of a piece', { currency: 'USD', lines: [{ variantId: nobody, quantity: 1.5 }] }, 'lines.0.quantity'],
    [
      'a price as a float',
      { currency: 'USD', lines: [{ variantId: nobody, quantity: 1, expected: { amount: 19.99, currency: 'USD' } }] },
      'lines.0.expected.amount',
    ],
    ['no id', { currency: 'USD', lines: [{ variantId: 'x', quantity: 1 }] }, 'lines.0.variantId'],
    ['a price list, which does not exist yet', { currency: 'USD', priceList: 'x', lines: [{ variantId: nobody, quantity: 1 }] }, 'priceList'],
  ])('refuses %s', async (_, body, path) => {
    const answer = await shop.http.post('/v1/quotes').send(body).expect(400);
    expect(answer.body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});
