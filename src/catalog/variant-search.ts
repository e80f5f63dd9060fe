import { z } from 'zod';
import { Price } from './money.js';
import type { ProductReads } from './ports.js';
import { type ProductRecord, priceOf } from './product.js';
import { Uuid } from './text.js';

export const FoundVariant = z
  .strictObject({
    variantId: Uuid,
    productId: Uuid,
    slug: z.string(),
    sku: z.string().nullable(),
    title: z.string(),
    variantTitle: z.string(),
    price: Price.nullable().describe('In the shop’s own currency'),
    available: z.boolean(),
    version: z.int(),
  })
  .meta({ id: 'FoundVariant' });
export type FoundVariant = z.infer<typeof FoundVariant>;

export interface VariantSearch {
  /** At most 100, in the order of their ids, drafts and archived products included. */
  bySku(sku: string): Promise<FoundVariant[]>;
}

export function createVariantSearch(deps: { reads: Pick<ProductReads, 'variantsBySku' | 'documents'>; defaultCurrency: string }): VariantSearch {
  return {
    async bySku(sku) {
      const found = await deps.reads.variantsBySku(sku, 100);
      const documents = await deps.reads.documents([...new Set(found.map(({ productId }) => productId))]);
      return found.flatMap(({ variantId, productId }) => {
        const document = documents.get(productId);
        const record = document && (JSON.parse(document.json) as ProductRecord);
        const variant = record?.variants.find(({ id }) => id === variantId);
        if (!record || !variant) return [];
        return {
          variantId,
          productId,
          slug: record.slug,
          sku: variant.sku,
          title: record.title,
          variantTitle: variant.title,
          price: priceOf(variant, deps.defaultCurrency),
          available: variant.available,
          version: record.version,
        };
      });
    },
  };
}
