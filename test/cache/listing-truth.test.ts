import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { policies, tuning } from '../../src/cache/policies.js';
import type { ImportedProduct } from '../../src/catalog/import.js';
import { product, usd, variant } from '../db/sample-product.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { countStatements } from '../harness/statements.js';
import { createPollingClock } from './fake-clock.js';
import { type Instance, lamp, openShop, type Shop } from './open-shop.js';
import { openRedis, type SharedRedis } from './shared-redis.js';

let server: RedisServer;
let shared: SharedRedis;
let shop: Shop;
let clock: ReturnType<typeof createPollingClock>;
let here: Instance;
let there: Instance;

beforeAll(async () => {
  [server, shop] = await Promise.all([startRedis(), openShop()]);
  shared = openRedis(server.url);
});
beforeEach(async () => {
  clock = createPollingClock();
  [here, there] = [await shop.instance(await shared.connect(), clock), await shop.instance(await shared.connect(), clock)];
});
afterEach(async () => {
  await Promise.all([here.close(), there.close()]);
});
afterAll(async () => {
  await shop.close();
  await shared.close();
  await server.stop();
});

async function listed(instance: Instance, sort: 'newest' | 'price' = 'newest') {
  const { body } = await instance.listings.list({ options: {}, sort, limit: 100 });
  return (JSON.parse(body.toString()) as { data: { slug: string; price: { amount: number } }[] }).data;
}
const listedPrice = async (instance: Instance, slug: string) => (await listed(instance)).find((item) => item.slug === slug)?.price.amount;
async function shownPrice(instance: Instance, slug: string) {
  const answer = await instance.products.findBySlug(slug, undefined);
  return answer.kind === 'product'
    ? (JSON.parse(answer.body.toString()) as { variants: { price: { amount: number } }[] }).variants[0]?.price.amount
    : answer.kind;
}
function imported(slug: string): ImportedProduct {
  const { id: _, createdAt: __, previousSlugs: ___, ...state } = product(slug, { variants: [variant({ prices: [usd(100)] })] });
  return { ...state, line: 1, pricesCover: 'all' };
}
async function create(slug: string, amount?: number) {
  const product = await here.admin.create(lamp(slug, amount));
  return { id: product.id, variantId: product.variants[0]?.id as string };
}
const setPrice = (instance: Instance, variantId: string, amount: number) =>
  instance.prices.setPrice(variantId, { currency: 'USD', amount }, undefined);

describe('a listing', () => {
  it('never shows a price that the product page no longer shows, on the writing instance or on another', async () => {
    const { variantId } = await create('lamp');
    for (let amount = 1100; amount <= 1500; amount += 100) {
      await Promise.all([listed(here), listed(there)]);
      await setPrice(here, variantId, amount);
      for (const instance of [there, here])
        expect([await listedPrice(instance, 'lamp'), await shownPrice(instance, 'lamp')]).toEqual([amount, amount]);
    }
  });

  it('shows a new price while the page itself is stale', async () => {
    const { variantId } = await create('stale-lamp');
    await listed(here);
    await setPrice(here, variantId, 777);
    clock.advance(policies.productListing.freshMs);
    expect(await listedPrice(here, 'stale-lamp')).toBe(777);
  });

  it('shows a new product at once where it was made, and elsewhere when the generation has been asked for again', async () => {
    await Promise.all([listed(here), listed(there)]);
    await create('new-lamp', 4200);
    expect(await listedPrice(here, 'new-lamp')).toBe(4200);
    clock.advance(tuning.generationMs + 1);
    expect(await listedPrice(there, 'new-lamp')).toBe(4200);
  });

  it('loses an archived product, even where the page is still held', async () => {
    const { id } = await create('gone-lamp');
    await Promise.all([listed(here), listed(there)]);
    await here.admin.archive(id, undefined);
    expect(await listedPrice(here, 'gone-lamp')).toBeUndefined();
    const statements = countStatements();
    expect(await listedPrice(there, 'gone-lamp')).toBeUndefined();
    expect(statements.of('listing_')).toBe(0);
    statements.stop();
    expect(await shownPrice(there, 'gone-lamp')).toBe('absent');
  });

  it('by price is put in order anew when a price changes', async () => {
    const { variantId } = await create('cheap-lamp', 5);
    expect((await listed(here, 'price'))[0]?.slug).toBe('cheap-lamp');
    await setPrice(here, variantId, 999_999);
    expect((await listed(here, 'price')).at(-1)?.slug).toBe('cheap-lamp');
  });

  it('is put together anew after an import that broke off, for as much as that had written', async () => {
    await Promise.all([listed(here), listed(there)]);
    async function* breakingOff() {
      for (let i = 0; i < 200; i += 1) yield { product: imported(`imported-${i}`) };
      throw new Error('the file ends in the middle');
    }
    await expect(here.imports.run(breakingOff(), { isDryRun: false })).rejects.toThrow('the file ends in the middle');
    expect((await listed(here)).filter(({ slug }) => slug.startsWith('imported-'))).toHaveLength(100);
    clock.advance(tuning.generationMs + 1);
    expect((await listed(there)).filter(({ slug }) => slug.startsWith('imported-'))).toHaveLength(100);
  });

  it('is dropped without ever asking Redis for a list of keys', async () => {
    const { id, variantId } = await create('counted-lamp');
    await listed(here);
    await setPrice(here, variantId, 1);
    await here.admin.archive(id, undefined);
    await listed(here);
    const sent = await (await shared.connect()).info('commandstats');
    expect(sent).toContain('cmdstat_hincrby');
    expect(sent).not.toMatch(/cmdstat_(keys|scan|flushall|flushdb)\b/i);
  });
});
