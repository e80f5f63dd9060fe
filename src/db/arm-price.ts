import type { ArmedPrice, ProductWrites } from '../catalog/ports.js';
import type { PriceChange } from '../catalog/product-input.js';
import { armPrefix } from './channels.js';
import type { TwoAnswers, TwoCalls } from './one-message.js';
import { toVariantPrice, type VariantPriceRow, variantPriceFrom } from './price-write.js';
import type { Statement } from './statement.js';
import { registrySql, toLook } from './truth-steps.js';

// Only a price that changes something is armed: whoever sets the one that stands disturbs nobody.
const armPriceSql: Statement = {
  name: 'truth_arm_price',
  text: `
    WITH stands AS (${variantPriceFrom}),
    named AS (SELECT *, ARRAY['id:' || "productId", 'slug:' || slug] AS keys FROM stands)
    SELECT "productId", slug, version, amount, "compareAt", "isStandby",
        CASE WHEN amount IS DISTINCT FROM $3::bigint OR ($4 AND "compareAt" IS DISTINCT FROM $5::bigint)
            THEN arm_write($6, keys, $7, $8, $9::text || to_json(keys)::text) END AS pair
    FROM named`,
};

/** The blocks that it makes: the product by id and slug. */
export const armedKeys = 2;

/** The plan of a price change with W1, and then W2, which does not look before the blocks are committed. The variant's id is a UUID. */
export function armPriceCalls(
  { token, writer }: Parameters<ProductWrites['armPrice']>[0],
  channel: string,
  variantId: string,
  { currency, amount, compareAt }: PriceChange,
): TwoCalls {
  const values = [variantId, currency, amount, compareAt !== undefined, compareAt ?? null, token, writer, channel, armPrefix(token, writer)];
  return [
    { statement: armPriceSql, values },
    { statement: registrySql, values: [] },
  ];
}

/** What they have answered. */
export function readArmedPrice([[row], looks]: TwoAnswers, currency: string): Omit<ArmedPrice<never>, 'begun'> {
  if (!row) return { stands: null, armed: null };
  const { pair, ...stands } = row as VariantPriceRow & { pair: string | null };
  return { stands: toVariantPrice(stands, currency), armed: pair === null ? null : { pair, look: toLook(looks) } };
}
