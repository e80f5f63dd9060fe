import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { type Service, startService } from '../harness/service.js';
import { amountOf, list, read, setPrice, stock } from './shopper.js';

const products = 600;
const perPage = 30;

describe('a memory tier of 1 MB under a larger catalog', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let small: Service;
  let writing: Service;

  beforeAll(async () => {
    database = await createDatabase();
    [small, writing] = await Promise.all([startService(database.url, { memoryCacheBytes: 2 ** 20 }), startService(database.url)]);
  });
  afterAll(async () => {
    await Promise.all([small.close(), writing.close()]);
    await database.drop();
  });

  it('stays within its bound, drops what was asked for longest ago, and shows every price as it stands', { timeout: 120_000 }, async () => {
    const stocked = await stock(writing, 'many', products);
    const usage = () => small.cache.report().memory;
    const readAll = async () => {
      for (let from = 0; from < products; from += perPage) {
        const some = stocked.slice(from, from + perPage);
        const answers = await Promise.all(some.map(({ slug }) => read(small, slug)));
        expect(answers.map(amountOf)).toEqual(some.map(({ amount }) => amount));
        expect(usage().bytes).toBeLessThanOrEqual(2 ** 20);
      }
    };
    await readAll();
    // A product takes two entries, itself and its slug: far from all are there.
    expect(usage().entries).toBeGreaterThan(100);
    expect(usage().entries).toBeLessThan(1.5 * products);
    const [first] = stocked;
    const last = stocked.at(-1);
    if (!first || !last) throw new Error('nothing was stocked');
    expect((await read(small, last.slug)).cache).toBe('truetag; hit; detail=memory');
    expect((await read(small, first.slug)).cache).toMatch(/^truetag; fwd=miss/);

    for (const product of [first, last, ...stocked.slice(100, 110)]) {
      product.amount += 50_000;
      expect((await setPrice(writing, product.variantId, product.amount)).status).toBe(200);
      expect(amountOf(await read(small, product.slug))).toBe(product.amount);
    }
    await readAll();
    const page = await list(small, 'sort=-price&limit=12');
    expect(page.body.data?.every(({ price }) => (price?.amount ?? 0) > 50_000)).toBe(true);
    expect(usage().bytes).toBeLessThanOrEqual(2 ** 20);
  });
});
