import { describe, expect, it } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { importFile } from './import-file.js';

const composed = 'caf\u00e9';
const decomposed = 'cafe\u0301';

describe('a slug in any script', () => {
  const shop = openShop({ redis: false });
  const get = (slug: string) => shop.http.get(`/v1/products/${encodeURIComponent(slug)}`).redirects(0);
  const send = (body: object) =>
    shop.http
      .post('/v1/admin/products')
      .set(asAdmin)
      .send({ title: 'x', status: 'active', ...body });

  it('is one slug however its letters are put together', async () => {
    const { id } = (await send({ slug: decomposed }).expect(201)).body;
    for (const slug of [composed, decomposed]) expect((await get(slug).expect(200)).body).toMatchObject({ id, slug: composed });
    expect((await send({ slug: composed }).expect(409)).body.code).toBe('slug_taken');
    const { body } = await shop.http
      .post('/v1/products/batch')
      .send({ slugs: [decomposed, composed] })
      .expect(200);
    expect([body.data.length, body.missing]).toEqual([1, []]);
    await importFile(shop, `Handle,Title,Status,Variant Price\n${decomposed},Imported,active,1\n`);
    expect((await get(composed).expect(200)).body).toMatchObject({ id, title: 'Imported' });
    await shop.patch(id, { slug: 'plain' });
    expect((await get(decomposed)).headers['location']).toBe('/v1/products/plain');
  });

  it('is one category however its letters are put together', async () => {
    await send({ slug: 'in-it', categories: [{ slug: decomposed, title: 'Coffee' }] }).expect(201);
    for (const slug of [composed, decomposed]) {
      expect((await shop.http.get(`/v1/categories/${encodeURIComponent(slug)}`).expect(200)).body.slug).toBe(composed);
      expect((await shop.http.get('/v1/products').query({ category: slug }).expect(200)).body.data).toHaveLength(1);
    }
  });

  it.each(['\u200b', '\u202e', '\u2066', '\u200f', '\u00ad', '\u2060', '\ufeff', '\u0085', '\u0000', '\u2028', '\u061c'])(
    'has nothing in it that cannot be seen or turns it around: %j',
    async (hidden) => {
      await send({ slug: `lamp${hidden}` }).expect(400);
      await get(`lamp${hidden}`).expect(400);
      await send({ slug: `${hidden}lamp` }).expect(400);
    },
  );

  it('keeps the joiners that its script is written with', async () => {
    for (const slug of ['می\u200cخواهم', 'क्\u200dष', 'עברית', 'العربية', '👩\u200d🔧', 'ǅ', 'ß']) {
      await send({ slug }).expect(201);
      expect((await get(slug).expect(200)).body.slug).toBe(slug.normalize('NFC'));
    }
  });

  it('is another one where letters only look alike, or differ in case', async () => {
    for (const slug of ['paypal', 'p\u0430ypal', 'PAYPAL', 'paypa1', 'ｐａｙｐａｌ']) await send({ slug }).expect(201);
    const ids = await Promise.all(
      ['paypal', 'p\u0430ypal', 'PAYPAL', 'paypa1', 'ｐａｙｐａｌ'].map(async (slug) => (await get(slug).expect(200)).body.id),
    );
    expect(new Set(ids).size).toBe(5);
  });

  it('is made of a title by the same rules', async () => {
    for (const title of ['Cafe\u0301 Lamp', '\u202eLamp\u200b', '각'.normalize('NFD'), '緑のランプ']) {
      const { body } = await send({ title }).expect(201);
      expect(body.slug).toBe(body.slug.normalize('NFC'));
      expect((await get(body.slug).expect(200)).body.id).toBe(body.id);
    }
  });
});
