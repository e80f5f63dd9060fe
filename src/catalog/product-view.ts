import type { HeldDocument } from '../cache/held-document.js';
import { type ProductRecord, toProduct, toSummary } from './product.js';

/** What a shopper gets of a product, prepared once per currency and held with the document it was made of. */
export interface PreparedProduct {
  /** JSON as bytes: a string would be encoded anew with every answer. */
  body: Buffer;
  isActive: boolean;
}

/** The product page in one currency. */
export function preparedProduct(held: HeldDocument, currency: string): PreparedProduct {
  return held.derive(
    `product:${currency}`,
    (document) => {
      const record = document as ProductRecord;
      return { body: Buffer.from(JSON.stringify(toProduct(record, currency))), isActive: record.status === 'active' };
    },
    ({ body }) => body.length,
  );
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
