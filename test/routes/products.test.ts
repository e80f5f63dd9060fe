import { describe, expect, it } from 'vitest';
import { Product } from '../../src/catalog/product.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

describe('GET /v1/products/{slug}', () => {
  const shop = openShop();
  const etagOf = async (slug: string) => (await shop.http.get(`/v1/products/${slug}`).expect(200)).headers['etag'] ?? '';

  it('answers the whole product with a validator and says where it came from', async () => {
    const made = await shop.create('desk-lamp', {
      description: '<p onclick="x()">Oak</p><script>1</script>',
      brand: 'Brick',
      categories: [{ slug: 'lamps', title: 'Lamps' }],
      tags: ['oak', 'Gift'],
      options: [{ name: 'Size', values: ['S', 'M'] }],
      attributes: { 'care.wash': [1, 2.5, null, { deep: true }] },
      media: [{ url: '/img/a.svg', alt: 'front' }, { url: 'https://cdn.example/b.jpg' }],
      variants: [
        { sku: 'L-S', options: { Size: 'S' }, price: { amount: 1999, currency: 'USD', compareAt: 2499 }, quantity: 3 },
        { sku: 'L-M', options: { Size: 'M' }, price: { amount: 2599, currency: 'USD' }, quantity: 0 },
      ],
    });
    const { body, headers } = await shop.http.get('/v1/products/desk-lamp').expect(200);
    expect(Product.parse(body)).toEqual(body);
    expect(body).toEqual({
      id: made.id,
      slug: 'desk-lamp',
      title: 'Title of desk-lamp',
      description: '<p>Oak</p>',
      brand: 'Brick',
      status: 'active',
      categories: [{ slug: 'lamps', title: 'Lamps' }],
      tags: ['oak', 'Gift'],
      options: [{ name: 'Size', values: ['S', 'M'] }],
      attributes: { 'care.wash': [1, 2.5, null, { deep: true }] },
      media: [
        { url: '/img/a.svg', alt: 'front', position: 1 },
        { url: 'https://cdn.example/b.jpg', alt: null, position: 2 },
      ],
      variants: [
        expect.objectContaining({
          sku: 'L-S',
          title: 'S',
          options: { Size: 'S' },
          price: { amount: 1999, currency: 'USD', compareAt: 2499, validUntil: null },
          available: true,
          position: 1,
        }),
        expect.objectContaining({
          sku: 'L-M',
          title: 'M',
          options: { Size: 'M' },
          price: { amount: 2599, currency: 'USD', compareAt: null, validUntil: null },
          available: false,
          position: 2,
        }),
      ],
      priceRange: { min: { amount: 1999, currency: 'USD' }, max: { amount: 2599, currency: 'USD' } },
      version: 1,
      createdAt: made.createdAt,
      updatedAt: made.updatedAt,
    });
    expect(body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(headers).toMatchObject({
      etag: expect.stringMatching(/^"1\.1\d{15}"$/),
      'cache-control': 'private, no-cache',
      'cache-status': 'truetag; hit; detail=memory',
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('answers 304 without a body where If-None-Match names the version, in whatever company', async () => {
    await shop.create('validated');
    const etag = await etagOf('validated');
    for (const header of [etag, `W/${etag}`, '*', `"0.1", ${etag}`, `W/"x",W/${etag} , "y"`]) {
      const answer = await shop.http.get('/v1/products/validated').set('if-none-match', header).expect(304);
      expect(answer.text).toBe('');
      expect(answer.headers).toMatchObject({ etag, 'cache-control': 'private, no-cache', 'cache-status': expect.stringContaining('hit') });
      expect(answer.headers).not.toHaveProperty('content-length');
      expect(answer.headers).not.toHaveProperty('content-type');
    }
    for (const header of [etag.replace('"1.', '"2.'), etag.replaceAll('"', ''), '"1"', '"1.1"', '""', etag.replace(/"$/, '0"'), 'nonsense']) {
      await shop.http.get('/v1/products/validated').set('if-none-match', header).expect(200);
    }
  });

  it('prices in the currency asked for and says null where there is none', async () => {
    await shop.create('two-currencies', {
      options: [{ name: 'Size', values: [] }],
      variants: [
        {
          options: { Size: 'S' },
          prices: [
            { amount: 500, currency: 'JPY' },
            { amount: 1, currency: 'USD' },
          ],
        },
        { options: { Size: 'M' }, price: { amount: 2, currency: 'USD' } },
      ],
    });
    const { body } = await shop.http.get('/v1/products/two-currencies?currency=JPY').expect(200);
    expect(body.variants.map(({ price }: { price: unknown }) => price)).toEqual([
      { amount: 500, currency: 'JPY', compareAt: null, validUntil: null },
      null,
    ]);
    expect(body.priceRange).toEqual({ min: { amount: 500, currency: 'JPY' }, max: { amount: 500, currency: 'JPY' } });
    const other = await shop.http.get('/v1/products/two-currencies?currency=OMR').expect(200);
    expect(other.body.priceRange).toBeNull();
  });

  it('refuses a currency that ISO 4217 does not list, and a parameter it does not know by name', async () => {
    const currency = await shop.http.get('/v1/products/any?currency=ZZZ').expect(422);
    expect(currency.body).toMatchObject({ code: 'unknown_currency', status: 422 });
    await shop.http.get('/v1/products/any?currency=usd').expect(400);
    const unknown = await shop.http.get('/v1/products/any?facets=brand').expect(400);
    expect(unknown.body).toMatchObject({ detail: expect.stringContaining('facets'), errors: [{ path: 'facets', message: expect.any(String) }] });
  });

  it('answers 404 for a slug nobody has, and again from memory', async () => {
    const { body, headers } = await shop.http.get('/v1/products/nobody').expect(404);
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'private, no-cache',
      'cache-status': expect.stringContaining('fwd=miss'),
    });
    expect(headers).not.toHaveProperty('etag');
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      detail: expect.stringContaining('nobody'),
      code: 'not_found',
      requestId: headers['x-request-id'],
    });
    const again = await shop.http.get('/v1/products/nobody').expect(404);
    expect(again.headers['cache-status']).toBe('truetag; hit; detail=absent');
    await shop.create('nobody');
    await shop.http.get('/v1/products/nobody').expect(200);
  });

  it.each(['draft', 'archived'])('does not know a product that is %s', async (status) => {
    await shop.create(`hidden-${status}`, { status });
    const { headers } = await shop.http.get(`/v1/products/hidden-${status}`).expect(404);
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('sends an old slug on to the new one, with the query and whatever a URL has to escape', async () => {
    const { id } = await shop.create('umbau', { slug: 'stühle&tische' });
    await shop.http.get(`/v1/products/${encodeURIComponent('stühle&tische')}`).expect(200);
    await shop.patch(id, { slug: 'stühle+tische' });
    const { headers, text } = await shop.http
      .get(`/v1/products/${encodeURIComponent('stühle&tische')}?currency=EUR`)
      .redirects(0)
      .expect(301);
    expect(headers).toMatchObject({
      location: `/v1/products/${encodeURIComponent('stühle+tische')}?currency=EUR`,
      'cache-control': 'private, no-cache',
      'cache-status': expect.stringContaining('truetag; '),
    });
    expect(text).toBe('');
    await shop.http.get(headers['location'] as string).expect(200);
    await shop.patch(id, { status: 'draft' });
    await shop.http
      .get(`/v1/products/${encodeURIComponent('stühle&tische')}`)
      .redirects(0)
      .expect(404);
  });

  it('leads an old slug past every rename, and gives it back to whoever takes it into use', async () => {
    const { id } = await shop.create('name-one');
    await shop.patch(id, { slug: 'name-two' });
    await shop.patch(id, { slug: 'name-three' });
    for (const old of ['name-one', 'name-two']) {
      const { headers } = await shop.http.get(`/v1/products/${old}`).redirects(0).expect(301);
      expect(headers['location']).toBe('/v1/products/name-three');
    }
    const other = await shop.create('name-one');
    expect((await shop.http.get('/v1/products/name-one').expect(200)).body.id).toBe(other.id);
    await shop.patch(id, { slug: 'name-two' });
    expect((await shop.http.get('/v1/products/name-two').expect(200)).body.id).toBe(id);
    await shop.http.get('/v1/products/name-three').redirects(0).expect(301);
  });

  it('shows a change to the very next read, under another validator', async () => {
    const { id, variants } = await shop.create('changing');
    const before = await etagOf('changing');
    await shop.http.patch(`/v1/admin/variants/${variants[0]?.id}/price`).set(asAdmin).send({ currency: 'USD', amount: 1 }).expect(200);
    const { body, headers } = await shop.http.get('/v1/products/changing').set('if-none-match', before).expect(200);
    expect(body).toMatchObject({ id, version: 2, priceRange: { min: { amount: 1 } } });
    expect(headers['etag']).toMatch(/^"2\.1\d{15}"$/);
  });

  it.each(['', '?currency=USD'])(
    'is not confirmed by the validator of another product that had the slug before, at the same version: %s',
    async (query) => {
      const slug = `handed-on${query.length}`;
      const { id } = await shop.create(slug);
      const url = `/v1/products/${slug}${query}`;
      const of = async () => (await shop.http.get(url).expect(200)).headers['etag'] ?? '';
      const before = await of();
      await shop.http.get(url).set('if-none-match', before).expect(304);
      await shop.http
        .patch(`/v1/admin/products/${id}`)
        .set(asAdmin)
        .send({ slug: `${slug}-old` })
        .expect(200);
      const other = await shop.create(slug);
      // Once from Postgres and once from memory.
      for (let i = 0; i < 2; i += 1) {
        const { body } = await shop.http.get(url).set('if-none-match', before).expect(200);
        expect(body).toMatchObject({ id: other.id, version: 1 });
      }
      expect(await of()).not.toBe(before);
    },
  );

  it('answers HEAD with the headers alone', async () => {
    await shop.create('headed');
    const { headers, text } = await shop.http.head('/v1/products/headed').expect(200);
    expect(headers).toMatchObject({ etag: await etagOf('headed'), 'cache-control': 'private, no-cache' });
    expect(text).toBeFalsy();
    for (const [url, etag] of [
      ['/v1/products/headed', await etagOf('headed')],
      ['/v1/products', (await shop.http.get('/v1/products').expect(200)).headers['etag'] ?? ''],
    ] as const) {
      const unchanged = await shop.http.head(url).set('if-none-match', etag).expect(304);
      expect(unchanged.headers).toMatchObject({ etag });
      expect(unchanged.headers).not.toHaveProperty('content-length');
      expect(Number((await shop.http.head(url).expect(200)).headers['content-length'])).toBeGreaterThan(100);
    }
  });
});
