import { requireCurrency, type StoredPrice } from './money.js';
import type { VariantEdit } from './product-input.js';
import { refuseDuplicates, unusable } from './unusable.js';

/**
 * The prices of a variant after a change, by currency. `prices` says all of them, `price` one. A document that was read, edited and sent back
 * holds both, and then they have to agree. Throws `unusable` and `unknown_currency`.
 * @param index the variant's place in the change, for the fault
 */
export function editPrices(
  input: Pick<VariantEdit, 'price' | 'prices'>,
  index: number,
  stands: StoredPrice[],
  defaultCurrency: string,
): StoredPrice[] {
  const stored = (price: NonNullable<VariantEdit['price']>, kept: number | null = null): StoredPrice => ({
    currency: requireCurrency(price.currency),
    amount: price.amount,
    compareAt: price.compareAt === undefined ? kept : price.compareAt,
  });
  const byCurrency = (a: StoredPrice, b: StoredPrice) => (a.currency < b.currency ? -1 : 1);
  if (input.prices) {
    refuseDuplicates(
      input.prices.map(({ currency }) => currency),
      `variants.${index}.prices`,
      'currency',
    );
    const all = input.prices.map((price) => stored(price)).sort(byCurrency);
    const { price } = input;
    const twin = price && all.find(({ currency }) => currency === price.currency);
    if (price && (twin?.amount !== price.amount || (price.compareAt !== undefined && twin.compareAt !== price.compareAt))) {
      throw unusable(`variants.${index}.price`, `says something else than prices does for ${price.currency}; send one of the two`);
    }
    return all;
  }
  if (input.price === undefined) return stands;
  const currency = input.price?.currency ?? defaultCurrency;
  const others = stands.filter((price) => price.currency !== currency);
  if (input.price === null) return others;
  return [...others, stored(input.price, stands.find((price) => price.currency === currency)?.compareAt)].sort(byCurrency);
}
