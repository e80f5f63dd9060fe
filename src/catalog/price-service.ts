import type { Cache } from '../cache/cache.js';
import type { Plan } from '../cache/document-write.js';
import { AppError } from '../errors.js';
import { admitsVersion } from './etag.js';
import { requireCurrency, type StoredPrice } from './money.js';
import type { ProductReads, ProductWrites, VariantPrice, WriteWork } from './ports.js';
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
  writes: Pick<ProductWrites, 'armPrice' | 'transaction'>;
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
      /** Sets the price, and takes that back where it must not be set on what is there under the lock. */
      const saveAs =
        (token: string): WriteWork<PriceChanged> =>
        async (tx) => {
          const { stood, document } = await tx.setPrice(variantId, change, token);
          const price = decide(stood);
          const { id, slug, version } = document;
          return { documents: [document], value: toAnswer({ productId: id, slug, version }, variantId, price) };
        };
      // Whether a version is admitted, the database cannot say by itself.
      const isPlanArming = ifMatch === undefined;
      const plan: Plan<PriceChanged> = async (round) => {
        const save = saveAs(round.token);
        const looked = isPlanArming
          ? await deps.writes.armPrice(round, variantId, change, save)
          : { stands: await deps.reads.variantPrice(variantId, change.currency), armed: null, begun: null };
        if ('refused' in looked) return looked;
        const { stands, armed, begun } = looked;
        try {
          decide(stands);
        } catch (refused) {
          begun?.drop();
          if (armed) throw refused;
          return { refused };
        }
        const { productId, slug } = stands as VariantPrice;
        return {
          keys: [`id:${productId}`, `slug:${slug}`],
          ...(armed && { armed }),
          ...(begun ?? { commit: (blocked) => deps.writes.transaction(blocked, save, { isEager: true, productId }) }),
        };
      };
      return againWhenMoved(async (spentMs) => {
        const { value, trace } = await deps.cache.write('adminPrice', plan, { spentMs, isPlanArming });
        deps.log.add(trace, { productId: value.productId, variantId, version: value.version, answeredAt: deps.now().getTime() });
        return value;
      });
    },
  };
}

function toAnswer({ productId, slug, version }: Omit<VariantPrice, 'price'>, variantId: string, price: StoredPrice): PriceChanged {
  return { variantId, productId, slug, price: { ...price, validUntil: null }, version };
}
