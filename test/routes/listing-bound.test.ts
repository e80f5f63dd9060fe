import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { asAdmin, type Service, startService } from '../harness/service.js';

const slug = 'walnut-desk-lamp';

interface Listed {
  slug: string;
  version: number;
  price: { amount: number };
}

describe('a listing that was shown a moment ago', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;

  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
    service = await startService(database.url);
  });
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  async function list() {
    const { body, headers } = await service.http.get('/v1/products?limit=100').expect(200);
    const lamp = (body.data as Listed[]).find((product) => product.slug === slug);
    if (!lamp) throw new Error('the lamp is not listed');
    return { lamp, length: body.data.length as number, etag: headers.etag as string };
  }

  it('is the same bytes as long as nothing changes', async () => {
    const first = await service.http.get('/v1/products');
    const second = await service.http.get('/v1/products');
    expect(second.text).toBe(first.text);
    expect(second.headers.etag).toBe(first.headers.etag);
  });

  it('shows every new price, under a new validator', async () => {
    const { body: product } = await service.http.get(`/v1/products/${slug}`);
    const etags = new Set([(await list()).etag]);
    for (let amount = 7001; amount <= 7004; amount += 1) {
      for (const variant of product.variants as { id: string }[]) {
        await service.http.patch(`/v1/admin/variants/${variant.id}/price`).set(asAdmin).send({ currency: 'USD', amount }).expect(200);
      }
      const { lamp, etag } = await list();
      expect(lamp.price.amount).toBe(amount);
      etags.add(etag);
    }
    expect(etags.size).toBe(5);
  });

  it('loses a product that was archived', async () => {
    const { length } = await list();
    const { body: product } = await service.http.get(`/v1/products/${slug}`);
    await service.http.delete(`/v1/admin/products/${product.id}`).set(asAdmin).expect(200);
    const { body } = await service.http.get('/v1/products?limit=100').expect(200);
    expect((body.data as Listed[]).map((listed) => listed.slug)).not.toContain(slug);
    expect(body.data).toHaveLength(length - 1);
  });
});
