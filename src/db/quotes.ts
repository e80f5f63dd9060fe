import type { QuoteReads, QuoteRow } from '../catalog/ports.js';
import type { Database } from './client.js';
import { type FromServer, isStandbyColumn, ofPrimary } from './standby.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

// One statement is one snapshot: prices and stock of all lines as they stood together.
const variantsSql: Statement = {
  name: 'quote_variants',
  text: `
    SELECT v.id AS "variantId", p.id AS "productId", p.slug, p.title, v.title AS "variantTitle", v.sku, p.version,
        coalesce(i.quantity, 0) AS quantity, coalesce(i.policy, 'deny') AS policy, pr.amount, pr.compare_at AS "compareAt",
        ${isStandbyColumn}
    FROM variant v JOIN product p ON p.id = v.product_id AND p.status = 'active'
    LEFT JOIN inventory i ON i.variant_id = v.id
    LEFT JOIN price pr ON pr.variant_id = v.id AND pr.currency = $2
    WHERE v.id = ANY ($1::uuid[])`,
};

// bigint arrives as text, since not every one fits a number; these do, by a constraint.
type Row = FromServer & Omit<QuoteRow, 'version' | 'price'> & { version: string; amount: string | null; compareAt: string | null };

/** What quotes are made of, past every cache. Amounts in minor units of the currency asked for. */
export function createQuoteReads({ pool }: Pick<Database, 'pool'>): QuoteReads {
  const query = createPoolQuery(pool);
  return {
    variants: async (variantIds, currency) => {
      const ids = variantIds.filter(isUuid);
      if (ids.length === 0) return new Map();
      const rows = await query<Row>(variantsSql, [ids, currency]);
      return new Map(rows.map((row) => [row.variantId, toQuoteRow(row)]));
    },
  };
}

function toQuoteRow(given: Row): QuoteRow {
  const { amount, compareAt, version, ...row } = ofPrimary(given);
  const price = amount === null ? null : { amount: Number(amount), compareAt: compareAt === null ? null : Number(compareAt) };
  return { ...row, version: Number(version), price };
}
