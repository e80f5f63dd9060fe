import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, type ReadFile, readAll } from './read-all.js';

/** Counted independently: products, variants, images, sum of variant prices in cents. */
const samples = {
  'apparel.csv': [20, 22, 20, 129_500],
  'jewelery.csv': [20, 23, 41, 98_074],
  'home-and-garden.csv': [20, 21, 21, 234_584],
  'product_template.csv': [3, 16, 11, 60_299],
  'Product-data.csv': [20, 21, 21, 234_584],
};

const lookAlikes = {
  'plain-export.csv': [3, 5, 2, 20_700],
  'wide-export.csv': [4, 5, 4, 137_190],
};

describe('the counts of whole Shopify files', () => {
  it.each(Object.entries(lookAlikes))('are right for the look-alike %s', async (name, counts) => {
    const read = await readAll(fixture(`shopify/${name}`));
    expect(read.faults).toEqual([]);
    expect(countsOf(read)).toEqual(counts);
  });

  const folder = join(process.env.CATALOG_SAMPLES_DIR || 'samples', 'shopify');
  if (existsSync(folder)) {
    it.each(Object.entries(samples))('are right for the real file %s', async (name, counts) => {
      const read = await readAll(() => createReadStream(join(folder, name)));
      expect(read.faults).toEqual([]);
      expect(countsOf(read)).toEqual(counts);
    });
  } else {
    it('are shown by the look-alikes alone where CATALOG_SAMPLES_DIR names no folder of real files', async () => {
      process.stdout.write('CATALOG_SAMPLES_DIR names no folder with shopify/: the real files are not read, the look-alikes are\n');
      for (const [name, counts] of Object.entries(lookAlikes)) expect(countsOf(await readAll(fixture(`shopify/${name}`)))).toEqual(counts);
    });
  }
});

function countsOf({ products }: ReadFile): number[] {
  const variants = products.flatMap((product) => product.variants);
  const images = products.flatMap((product) => product.media);
  return [products.length, variants.length, images.length, variants.reduce((sum, { prices }) => sum + (prices[0]?.amount ?? 0), 0)];
}
