import type { HeldDocument } from '../cache/held-document.js';
import { pageETag } from './etag.js';
import { type ProductRecord, toProduct, toSummary } from './product.js';

/** What a shopper gets of a product, prepared once per currency and held with the document it was made of. */
export interface PreparedProduct {
  /**
   * JSON in UTF-8, one character per byte: it is sent as it stands, while text would be encoded anew with every answer and a Buffer be sent
   * apart from its head. `Buffer.from(latin1, 'latin1')` gives the bytes.
   */
  readonly latin1: string;
  readonly etag: string;
  readonly isActive: boolean;
}

/** Gives the product page in a currency. `shape` is that of the product row of the policy table. */
export function createProductPages(shape: number): (held: HeldDocument, currency: string) => PreparedProduct {
  /** A hit makes neither a key nor a closure of its own; there are few currencies. */
  const recipes = new Map<string, { key: string; make: (document: unknown, from: HeldDocument) => PreparedProduct }>();

  function recipeFor(currency: string) {
    const key = `product:${currency}`;
    const make = (document: unknown, from: HeldDocument) => {
      const record = document as ProductRecord;
      const latin1 = Buffer.from(JSON.stringify(toProduct(record, currency))).toString('latin1');
      return { latin1, etag: pageETag(from, shape), isActive: record.status === 'active' };
    };
    recipes.set(currency, { key, make });
    return { key, make };
  }

  return (held, currency) => {
    const { key, make } = recipes.get(currency) ?? recipeFor(currency);
    return held.derive(key, make, weigh);
  };
}

/** The card of a listing in one currency, as JSON; null for a product that shoppers do not see. */
export function preparedSummary(held: HeldDocument, currency: string): string | null {
  return held.derive(
    `summary:${currency}`,
    (document) => {
      const record = document as ProductRecord;
      return record.status === 'active' ? JSON.stringify(toSummary(record, currency)) : null;
    },
    (summary) => 2 * (summary?.length ?? 0),
  );
}

function weigh({ latin1 }: PreparedProduct): number {
  return latin1.length;
}
