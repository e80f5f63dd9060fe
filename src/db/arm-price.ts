import type { ProductWrites } from '../catalog/ports.js';
import { armPrefix, blockChannel } from './channels.js';
import type { Database } from './client.js';
import { inTurn } from './one-message.js';
import { toVariantPrice, type VariantPriceRow, variantPriceFrom } from './price-write.js';
import { isUnsent, type Statement } from './statement.js';
import { isUuid } from './storable.js';
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

/** The plan, W1 and W2 of a price change in one go: see `ProductWrites.armPrice`. */
export function createArmPrice({ pool }: Pick<Database, 'pool'>, catalogId: string): ProductWrites['armPrice'] {
  const channel = blockChannel(catalogId);
  return async ({ token, writer }, variantId, { currency, amount, compareAt }) => {
    if (!isUuid(variantId)) return { stands: null, armed: null };
    const values = [variantId, currency, amount, compareAt !== undefined, compareAt ?? null, token, writer, channel, armPrefix(token, writer)];
    // The registry is not looked at before the blocks are committed.
    const calls = [
      { statement: armPriceSql, values },
      { statement: registrySql, values: [] },
    ] as const;
    const answers = await inTurn(pool, calls).catch((error: unknown) => {
      if (isUnsent(error)) return { refused: error };
      throw error;
    });
    if ('refused' in answers) return answers;
    const [[row], looks] = answers;
    if (!row) return { stands: null, armed: null };
    const { pair, ...stands } = row as VariantPriceRow & { pair: string | null };
    return { stands: toVariantPrice(stands, currency), armed: pair === null ? null : { pair, look: toLook(looks) } };
  };
}
