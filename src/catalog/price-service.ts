import type { Cache } from '../cache/cache.js';
import type { Armed } from '../cache/truth-ports.js';
import { AppError } from '../errors.js';
import { admitsVersion } from './etag.js';
import { requireCurrency, type StoredPrice } from './money.js';
import type { ProductReads, ProductWrites, VariantPrice } from './ports.js';
import type { PriceWriteLog } from './price-writes.js';
import { versionMismatch } from './product-admin-service.js';
import type { PriceChange, PriceChanged } from './product-input.js';
import { againWhenMoved, Unchanged } from './write-attempt.js';

export interface PriceService {
  /**
   * Sets the price of one variant in one currency. Throws `not_found`, `unknown_currency`, and `version_mismatch` where `ifMatch` does not
   * name the product's version. The same price again changes nothing and is answered with the version that stands.
   */
  setPrice(variantId: string, change: PriceChange, ifMatch: string | undefined): Promise<PriceChanged>;
}

/** The keys of the product are blocked everywhere before the price is changed, so that nobody is shown the old one afterwards. */
export function createPriceService(deps: {
  reads: Pick<ProductReads, 'variantPrice'>;
  writes: Pick<ProductWrites, 'transaction'>;
  cache: Pick<Cache, 'write'>;
  log: PriceWriteLog;
  now: () => Date;
}): PriceService {
  return {
    async setPrice(variantId, change, ifMatch) {
      requireCurrency(change.currency);
      /** The price to be set; throws where it must not be, and `Unchanged` where it stands already. */
      const decide = (stands: VariantPrice | null): StoredPrice => {
        if (!stands) throw new AppError('not_found', `There is no variant with the id ${variantId}`);
        if (!admitsVersion(ifMatch, stands.version)) throw versionMismatch(stands.version);
        const compareAt = change.compareAt === undefined ? (stands.price?.compareAt ?? null) : change.compareAt;
        const price = { currency: change.currency, amount: change.amount, compareAt };
        if (stands.price?.amount === price.amount && stands.price.compareAt === compareAt) throw new Unchanged(toAnswer(stands, variantId, price));
        return price;
      };
      return againWhenMoved(async (spentMs) => {
        const plan = async () => {
          const stands = await deps.reads.variantPrice(variantId, change.currency);
          decide(stands);
          const { productId, slug } = stands as VariantPrice;
          return {
            keys: [`id:${productId}`, `slug:${slug}`],
            commit: (armed: Armed) =>
              deps.writes.transaction(armed, async (tx) => {
                const price = decide(await tx.variantPrice(variantId, change.currency));
                const document = await tx.setPrice(variantId, price);
                const { id, slug: current, version } = document;
                return { documents: [document], value: toAnswer({ productId: id, slug: current, version }, variantId, price) };
              }),
          };
        };
        const { value, trace } = await deps.cache.write('adminPrice', plan, { spentMs });
        const { passedAt: _, ackWaitMs: __, ...times } = trace;
        deps.log.add({ ...times, productId: value.productId, variantId, version: value.version, answeredAt: deps.now().toISOString() });
        return value;
      });
    },
  };
}

function toAnswer({ productId, slug, version }: Omit<VariantPrice, 'price'>, variantId: string, price: StoredPrice): PriceChanged {
  return { variantId, productId, slug, price: { ...price, validUntil: null }, version };
}
