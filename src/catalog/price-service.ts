import { randomUUID } from 'node:crypto';
import type { Cache } from '../cache/cache.js';
import { AppError } from '../errors.js';
import { admitsVersion } from './etag.js';
import { requireCurrency, type StoredPrice } from './money.js';
import type { ProductDocument, ProductWrites } from './ports.js';
import type { PriceWriteLog } from './price-writes.js';
import { type ProductRecord, priceOf } from './product.js';
import { versionMismatch } from './product-admin-service.js';
import type { PriceChange, PriceChanged } from './product-input.js';

export interface PriceService {
  /**
   * Sets the price of one variant in one currency. Throws `not_found`, `unknown_currency`, and `version_mismatch` where `ifMatch` does not
   * name the product's version. The same price again changes nothing and is answered with the version that stands.
   */
  setPrice(variantId: string, change: PriceChange, ifMatch: string | undefined): Promise<PriceChanged>;
}

/** Database first; then, before the caller hears of it, the new document into Redis and memory. */
export function createPriceService(deps: { writes: ProductWrites; cache: Pick<Cache, 'wrote'>; log: PriceWriteLog; now: () => Date }): PriceService {
  return {
    async setPrice(variantId, change, ifMatch) {
      requireCurrency(change.currency);
      const startedAt = deps.now().toISOString();
      const token = randomUUID();
      const { document, isChanged } = await deps.writes.transaction(async (tx) => {
        const [locked] = await tx.lock({ variantIds: [variantId] });
        const variant = locked?.state.variants.find(({ id }) => id === variantId);
        if (!locked || !variant) throw new AppError('not_found', `There is no variant with the id ${variantId}`);
        if (!admitsVersion(ifMatch, locked.version)) throw versionMismatch(locked.version);
        const stands = variant.prices.find(({ currency }) => currency === change.currency);
        const price: StoredPrice = {
          currency: change.currency,
          amount: change.amount,
          compareAt: change.compareAt === undefined ? (stands?.compareAt ?? null) : change.compareAt,
        };
        if (stands?.amount !== price.amount || stands.compareAt !== price.compareAt) {
          return { document: await tx.setPrice(variantId, price, token), isChanged: true };
        }
        const document = (await tx.documents([locked.state.id])).get(locked.state.id);
        if (!document) throw new Error('a locked product has no document');
        return { document, isChanged: false };
      });
      if (isChanged) {
        const committedAt = deps.now().toISOString();
        await deps.cache.wrote('adminPrice', [document]);
        const { id: productId, version } = document;
        deps.log.add({ token, productId, variantId, version, startedAt, committedAt, answeredAt: deps.now().toISOString(), armedAt: null, acks: [] });
      }
      return toAnswer(document, variantId, change.currency);
    },
  };
}

function toAnswer(document: ProductDocument, variantId: string, currency: string): PriceChanged {
  const record = JSON.parse(document.json) as ProductRecord;
  const price = priceOf(
    record.variants.find(({ id }) => id === variantId),
    currency,
  );
  if (!price) throw new Error('the price just written is not in its document');
  return { variantId, productId: document.id, slug: document.slug, price, version: document.version };
}
