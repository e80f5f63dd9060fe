import { beforeAll, describe, expect, it } from 'vitest';
import { Page } from '../../src/catalog/listing.js';
import { importCsv } from './import-csv.js';
import { openShop } from './open-shop.js';

const usd = (amount: number) => ({ amount, currency: 'USD' });
const size = (value: string, amount: number, quantity = 1) => ({ options: { Size: value }, price: usd(amount), quantity });
const sized = { options: [{ name: 'Size', values: [] }] };

describe('the filters of GET /v1/products', () => {
  const shop = openShop();

  beforeAll(async () => {
    const { id } = await shop.create('wool-coat', {
      brand: 'Möwe',
      tags: ['Winter'],
      categories: [{ slug: 'coats', title: 'Coats' }],
      ...sized,
      variants: [size('S', 9000, 0), size('M', 8000)],
    });
    await shop.patch(id, { description: '<p>Warm <strong>merino</strong></p>' });
    await shop.create('rain-coat', {
      brand: 'Fjell',
      tags: ['autumn'],
      categories: [{ slug: 'coats' }],
      options: [
        { name: 'Size', values: [] },
        { name: 'Colour', values: [] },
      ],
      variants: [
        { options: { Size: 'M', Colour: 'Red' }, price: usd(5000), quantity: 1 },
        { options: { Size: 'L', Colour: 'Blue' }, price: usd(5500), quantity: 1 },
      ],
    });
    await shop.create('linen-shirt', { brand: 'Möwe', categories: [{ slug: 'shirts', title: 'Shirts' }], ...sized, variants: [size('L', 3000, 0)] });
    await shop.create('gift-card', { variants: [] });
    await shop.create('yen-only', { variants: [{ prices: [{ amount: 800, currency: 'JPY' }], quantity: 5 }] });
    await shop.create('secret', { status: 'draft', tags: ['winter'] });
  });

  async function slugs(query: string): Promise<string[]> {
    const { body, headers } = await shop.http.get(`/v1/products?${query}`).expect(200);
    expect(Page.parse(body)).toEqual(body);
    expect(headers).toMatchObject({
      'cache-control': 'private, no-cache',
      'cache-status': expect.stringMatching(/^truetag; /),
      etag: expect.stringMatching(/^"[\w-]+"$/),
    });
    return body.data.map(({ slug }: { slug: string }) => slug).sort();
  }

  it.each([
    ['', ['gift-card', 'linen-shirt', 'rain-coat', 'wool-coat', 'yen-only']],
    ['category=coats', ['rain-coat', 'wool-coat']],
    ['category=nobody', []],
    ['brand=m%C3%B6we', ['linen-shirt', 'wool-coat']],
    ['tag=winter', ['wool-coat']],
    ['option.size=m', ['rain-coat', 'wool-coat']],
    ['option.Size=M&option.Colour=red', ['rain-coat']],
    ['option.Size=M&option.Colour=Blue', []],
    ['priceMin=5000&priceMax=8000', ['rain-coat', 'wool-coat']],
    ['priceMax=4999', ['linen-shirt']],
    ['priceMin=0', ['linen-shirt', 'rain-coat', 'wool-coat']],
    ['priceMin=700&priceMax=800&currency=JPY', ['yen-only']],
    ['available=true', ['rain-coat', 'wool-coat', 'yen-only']],
    ['available=false', ['gift-card', 'linen-shirt']],
    ['q=merino', ['wool-coat']],
    ['q=coats+-rain', ['wool-coat']],
    ['q=shirts', ['linen-shirt']],
    ['q=merino&sort=relevance', ['wool-coat']],
    ['q=%25_%27', []],
    ['category=coats&brand=Fjell&option.Size=L&available=true&priceMin=1', ['rain-coat']],
  ])('answer %s', async (query, expected) => {
    expect(await slugs(query)).toEqual(expected);
  });

  it('include the descendants of a category', async () => {
    const csv = 'Handle,Title,Product Category,Variant Price\nparka,Parka,Clothes > Outer > Parkas,10\nsock,Sock,Clothes > Socks,5\n';
    await importCsv(shop, csv);
    expect(await slugs('category=clothes')).toEqual(['parka', 'sock']);
    expect(await slugs('category=outer')).toEqual(['parka']);
    expect(await slugs('category=parkas')).toEqual(['parka']);
  });

  it('show a card of each product: its first image, its lowest price, whether prices vary, whether it can be bought', async () => {
    const { body } = await shop.http.get('/v1/products?q=merino').expect(200);
    expect(body.data[0]).toEqual({
      id: expect.any(String),
      slug: 'wool-coat',
      title: 'Title of wool-coat',
      brand: 'Möwe',
      image: null,
      price: { ...usd(8000), compareAt: null, validUntil: null },
      priceVaries: true,
      available: true,
      version: 2,
    });
    expect(body.page).toEqual({ limit: 24, nextCursor: null });
  });

  it('drop a product from a page as soon as it leaves, and take it as soon as it comes', async () => {
    expect(await slugs('tag=new')).toEqual([]);
    const { id } = await shop.create('newcomer', { tags: ['new'] });
    expect(await slugs('tag=new')).toEqual(['newcomer']);
    await shop.patch(id, { status: 'archived' });
    expect(await slugs('tag=new')).toEqual([]);
  });

  it.each(['facets=brand', 'count=true', 'foo=1', '__proto__=1', 'option.=M', 'option.Size=', 'Sort=price', 'option.Size=a&option.Size=b'])(
    'refuse %s and name it',
    async (query) => {
      const { body, headers } = await shop.http.get(`/v1/products?${query}`).expect(400);
      const name = query.split('=')[0];
      expect(body).toMatchObject({ status: 400, code: 'invalid', detail: expect.stringContaining(`${name}`), errors: [{ path: name }] });
      expect(headers['content-type']).toBe('application/problem+json');
    },
  );

  it.each([
    ...[
      'limit=0',
      'limit=101',
      'limit=1e1',
      'limit=0x10',
      'limit=',
      'limit=+5',
      'limit=1&limit=2',
      'priceMin=-1',
      'priceMin=1.5',
      'priceMin=',
      'priceMax=1000000000001',
      'priceMax=NaN',
    ],
    ...[
      'available=yes',
      'sort=cheapest',
      'currency=usd',
      'currency=',
      'cursor=',
      'q=',
      'q=%20%20',
      `q=${'a'.repeat(201)}`,
      'q=a%00',
      'tag=%00',
      'category=a%2Fb',
      'q=%ff',
      'q=%ED%A0%80',
      'option.Size=%00',
    ],
  ])('refuse %s as failing the schema', async (query) => {
    const { body } = await shop.http.get(`/v1/products?${query}`).expect(400);
    expect(body).toMatchObject({ status: 400, title: 'Bad request', detail: expect.any(String) });
  });

  it.each([
    ['priceMin=2&priceMax=1', 'unusable'],
    ['currency=ZZZ', 'unknown_currency'],
    ['sort=relevance', 'unusable'],
    ['cursor=made-up', 'unknown_cursor'],
  ])('refuse %s as of no use', async (query, code) => {
    const { body } = await shop.http.get(`/v1/products?${query}`).expect(422);
    expect(body).toMatchObject({ status: 422, code, title: 'Unprocessable content' });
  });

  it('are at most ten options, as a product has', async () => {
    const options = (count: number) => Array.from({ length: count }, (_, i) => `option.o${i}=v`).join('&');
    await shop.http.get(`/v1/products?${options(10)}`).expect(200);
    expect((await shop.http.get(`/v1/products?${options(11)}`).expect(400)).body.errors).toEqual([
      { path: 'option.o10', message: expect.any(String) },
    ]);
  });

  it('count characters as the published schema counts them', async () => {
    await shop.http.get(`/v1/products?q=${encodeURIComponent('😀'.repeat(200))}`).expect(200);
    await shop.http.get(`/v1/products?q=${encodeURIComponent('😀'.repeat(201))}`).expect(400);
  });
});
