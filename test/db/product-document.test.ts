import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProductDocument } from '../../src/catalog/ports.js';
import { isAvailable } from '../../src/catalog/product-state.js';
import { countStatements } from '../harness/statements.js';
import { type Catalog, openCatalog, recordOf } from './open-catalog.js';
import { product, richProduct, usd, variant } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

describe('the product document', () => {
  it('says what the state says, with what the service derives', async () => {
    const state = richProduct('rich');
    const [saved] = await catalog.save(state);
    const record = recordOf(saved);
    expect(record).toEqual({
      id: state.id,
      slug: 'rich',
      title: state.title,
      description: state.description,
      brand: state.brand,
      status: 'draft',
      categories: [
        { slug: 'lamps', title: 'Lamps' },
        { slug: 'gifts', title: 'Gifts' },
      ],
      tags: state.tags,
      options: state.options,
      attributes: state.attributes,
      media: state.media,
      variants: state.variants.map(({ prices, quantity, policy, ...rest }) => ({
        ...rest,
        prices: Object.fromEntries(prices.map(({ currency, ...price }) => [currency, price])),
        available: isAvailable({ quantity, policy }),
      })),
      available: true,
      version: 1,
      createdAt: state.createdAt,
      updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(Math.abs(Date.parse(record.updatedAt) - Date.now())).toBeLessThan(60_000);
  });

  it('has its keys in one order, the options in the order of the product', async () => {
    const record = recordOf((await catalog.save(richProduct('ordered')))[0]);
    expect(Object.keys(record).join()).toBe(
      'id,slug,title,description,brand,status,categories,tags,options,attributes,media,variants,available,version,createdAt,updatedAt',
    );
    expect(record.variants.map((each) => Object.keys(each).join())).toEqual(Array(2).fill('id,sku,barcode,title,options,prices,available,position'));
    expect(Object.keys(record.variants[0]?.options ?? {})).toEqual(['Size', 'Colour']);
    expect(Object.keys(record.variants[0]?.prices ?? {})).toEqual(['EUR', 'USD']);
  });

  it('carries the version and the token of its write outside and the same version inside', async () => {
    const state = product('labelled');
    const keys = [`id:${state.id}`, 'slug:labelled'];
    const saved = (title: string) =>
      catalog.write(keys, async (tx, token) => ({ token, document: (await tx.save([{ ...state, title }], token))[0] as ProductDocument }));
    const [first, second] = [await saved('Once'), await saved('Again')];
    expect(first.document).toMatchObject({ id: state.id, slug: 'labelled', version: 1, token: first.token });
    expect(second.document).toMatchObject({ version: 2, token: second.token });
    expect(recordOf(second.document).version).toBe(2);
    expect((await catalog.reads.documents([state.id])).get(state.id)).toEqual(second.document);
  });

  it('is one statement, so body and version cannot come from two moments', async () => {
    const [a, b] = await catalog.save(product('one'), product('two'));
    const statements = countStatements();
    try {
      await catalog.reads.documents([a?.id ?? '', b?.id ?? '']);
    } finally {
      statements.stop();
    }
    expect([statements.of(''), statements.of('product_documents')]).toEqual([1, 1]);
  });

  it('never tears while writers change every part of it', async () => {
    const base = product('torn', { variants: [variant(), variant({ position: 2 })] });
    const at = (step: number) => ({
      ...base,
      title: `${step}`,
      tags: [`${step}`],
      variants: base.variants.map((each) => ({ ...each, prices: [usd(step)] })),
    });
    await catalog.save(at(1));
    const writing = (async () => {
      for (let step = 2; step <= 40; step += 1) await catalog.save(at(step));
    })();
    let reads = 0;
    let isDone = false;
    void writing.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const document = (await catalog.reads.documents([base.id])).get(base.id);
      const record = recordOf(document);
      const said = [record.version, Number(record.title), Number(record.tags[0]), ...record.variants.map(({ prices }) => prices.USD?.amount)];
      expect(new Set(said)).toEqual(new Set([document?.version]));
      reads += 1;
    }
    await writing;
    expect(reads).toBeGreaterThan(0);
  });

  it('is missing for ids that do not exist or are no ids', async () => {
    const [kept] = await catalog.save(product('kept'));
    const found = await catalog.reads.documents([kept?.id ?? '', '00000000-0000-7000-8000-000000000000', 'no-uuid', "'; DROP TABLE product", '\0']);
    expect([...found.keys()]).toEqual([kept?.id]);
  });
});
