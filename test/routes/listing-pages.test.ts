import { beforeAll, describe, expect, it } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { openShop, type Shop } from './open-shop.js';

interface Card {
  slug: string;
  title: string;
  price: { amount: number } | null;
}

/** Every page of a listing, by following the cursors. */
async function walk(shop: Shop, query: string): Promise<Card[][]> {
  const pages: Card[][] = [];
  for (let cursor: string | null = ''; cursor !== null && pages.length < 200; ) {
    const answer: { body: { data: Card[]; page: { nextCursor: string | null } } } = await shop.http
      .get(`/v1/products?${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      .expect(200);
    pages.push(answer.body.data);
    cursor = answer.body.page.nextCursor;
  }
  return pages;
}

describe('the pages of GET /v1/products', () => {
  const shop = openShop({ demo: true });
  let all: Card[];

  beforeAll(async () => {
    // Ties in title and price, and a product without a price, which the demo catalog does not have.
    for (const n of [1, 2, 3]) await shop.create(`twin-${n}`, { title: n === 2 ? 'TWIN lamp' : 'Twin Lamp' });
    await shop.create('unpriced-lamp', { variants: [] });
    const { body } = await shop.http.get('/v1/products?limit=100').expect(200);
    all = body.data;
  });

  it.each(['newest', 'price', '-price', 'title'])('walk every product exactly once by %s, whatever their size', async (sort) => {
    const whole = (await walk(shop, `sort=${sort}&limit=100`)).flat().map(({ slug }) => slug);
    expect(whole.toSorted()).toEqual(all.map(({ slug }) => slug).toSorted());
    for (const limit of [1, 7]) {
      const pages = await walk(shop, `sort=${sort}&limit=${limit}`);
      expect(pages.flat().map(({ slug }) => slug)).toEqual(whole);
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  });

  it('walk every match exactly once by relevance', async () => {
    const whole = (await walk(shop, 'q=lamp&sort=relevance&limit=100')).flat().map(({ slug }) => slug);
    expect(whole.length).toBeGreaterThan(5);
    expect((await walk(shop, 'q=lamp&sort=relevance&limit=2')).flat().map(({ slug }) => slug)).toEqual(whole);
    expect(whole.toSorted()).toEqual(
      (await walk(shop, 'q=lamp'))
        .flat()
        .map(({ slug }) => slug)
        .toSorted(),
    );
  });

  it('stand in the order asked for; what has no price comes last both ways', async () => {
    const titles = (await walk(shop, 'sort=title&limit=100')).flat().map(({ title }) => title.toLowerCase());
    expect(titles).toEqual(titles.toSorted());
    for (const [sort, direction] of [
      ['price', 1],
      ['-price', -1],
    ] as const) {
      const cards = (await walk(shop, `sort=${sort}&limit=100`)).flat();
      const amounts = cards.flatMap(({ price }) => price?.amount ?? []);
      expect(amounts).toEqual(amounts.toSorted((a, b) => direction * (a - b)));
      expect(cards.at(-1)).toMatchObject({ slug: 'unpriced-lamp', price: null });
    }
  });

  it('stand newest first by default, 24 at a time', async () => {
    const { body } = await shop.http.get('/v1/products').expect(200);
    expect(body.page.limit).toBe(24);
    expect(body.data).toEqual(all.slice(0, 24));
    expect(body.data[0].slug).toBe('unpriced-lamp');
  });

  it('go on where they were while products come in before them', async () => {
    const first = await shop.http.get('/v1/products?limit=5').expect(200);
    await shop.create('late-arrival');
    const second = await shop.http.get(`/v1/products?limit=5&cursor=${first.body.page.nextCursor}`).expect(200);
    expect([...first.body.data, ...second.body.data]).toEqual(all.slice(0, 10));
    await shop.http
      .delete(`/v1/admin/products/${(await shop.http.get('/v1/products/late-arrival')).body.id}`)
      .set(asAdmin)
      .expect(200);
  });

  it('take a cursor for the question it was issued for alone, whatever the page size', async () => {
    const { body } = await shop.http.get('/v1/products?limit=2&sort=price&tag=lamp').expect(200);
    const cursor = encodeURIComponent(body.page.nextCursor);
    await shop.http.get(`/v1/products?limit=3&sort=price&tag=lamp&cursor=${cursor}`).expect(200);
    const forged = `${body.page.nextCursor.slice(0, -2)}${body.page.nextCursor.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const query of [
      'sort=price&tag=wool',
      'sort=-price&tag=lamp',
      'sort=price',
      'sort=price&tag=lamp&currency=EUR',
      'sort=price&tag=lamp&option.Size=M',
    ]) {
      expect((await shop.http.get(`/v1/products?${query}&cursor=${cursor}`).expect(422)).body.code).toBe('unknown_cursor');
    }
    await shop.http.get(`/v1/products?limit=2&sort=price&tag=lamp&cursor=${encodeURIComponent(forged)}`).expect(422);
  });

  it('go on behind titles as long as they may be', async () => {
    const long = (n: number) => `${'\u{1F9F6}"'.repeat(500)}${n}`;
    for (const n of [1, 2, 3]) await shop.create(`long-${n}`, { title: long(n), tags: ['long'] });
    const pages = await walk(shop, 'sort=title&limit=1&tag=long');
    expect(pages.flat().map(({ title }) => title)).toEqual([1, 2, 3].map(long));
  });

  it('have an ETag of what stands on them: a price change moves it, another order does, the same question does not', async () => {
    const query = '/v1/products?tag=long&sort=title';
    const first = await shop.http.get(query).expect(200);
    const etag = first.headers['etag'] as string;
    const same = await shop.http.get(query).set('if-none-match', `"x", W/${etag}`).expect(304);
    expect(same.text).toBe('');
    expect(same.headers).toMatchObject({ etag, 'cache-control': 'private, no-cache', 'cache-status': 'truetag; hit; detail=memory' });
    expect(same.headers).not.toHaveProperty('content-length');
    await shop.http.get(query).set('if-none-match', '*').expect(304);
    expect((await shop.http.get('/v1/products?tag=long&sort=newest').expect(200)).headers['etag']).not.toBe(etag);
    const product = await shop.http.get('/v1/products/long-2').expect(200);
    await shop.http.patch(`/v1/admin/variants/${product.body.variants[0].id}/price`).set(asAdmin).send({ currency: 'USD', amount: 1 }).expect(200);
    const changed = await shop.http.get(query).set('if-none-match', etag).expect(200);
    expect(changed.body.data[1].price.amount).toBe(1);
  });
});
