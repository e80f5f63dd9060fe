import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ImportItem } from '../catalog/import.js';
import type { Config } from '../config.js';
import { readShopify } from '../importers/shopify.js';
import { openCatalog } from './open-catalog.js';

/** The demo catalog, in the format in which shops export theirs. Its prices are US dollars. */
export const demoFile = fileURLToPath(new URL('../../prisma/demo/catalog.csv', import.meta.url));

/**
 * Imports the demo catalog if there is no product yet. Safe to run twice, and at once from several places.
 * @returns null where the catalog was not empty
 */
export async function seedDemo(config: Config & { databaseUrl: string }): Promise<{ products: number } | null> {
  const catalog = await openCatalog(config, config.databaseUrl);
  try {
    if (!(await catalog.isEmpty())) return null;
    const items = withFixedIds(readShopify(() => createReadStream(demoFile), { currency: 'USD' }));
    const report = await catalog.imports.run(items, { isDryRun: false });
    return { products: report.products.created };
  } finally {
    await catalog.close();
  }
}

/** The same ids in every installation, so that a command out of the README works in each. */
async function* withFixedIds(items: AsyncIterable<ImportItem>): AsyncIterable<ImportItem> {
  let place = 0;
  for await (const item of items) {
    const { product } = item;
    place += 1;
    if (!product) yield item;
    else {
      const variants = product.variants.map((variant, index) => ({ ...variant, id: fixedId(place, `${product.slug}/${index}`) }));
      yield { product: { ...product, id: fixedId(place, product.slug), variants } };
    }
  }
}

/** A UUIDv7 whose time is the place in the file and whose random part is a hash of the name. */
function fixedId(place: number, name: string): string {
  const hash = createHash('sha256').update(name).digest('hex');
  const time = (Date.UTC(2026, 0, 1) + place).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`;
}
