import { z } from 'zod';
import { AppError } from '../errors.js';
import { Currency, Money, Price, requireCurrency } from './money.js';
import type { QuoteReads, QuoteRow } from './ports.js';
import { isAvailable } from './product-state.js';
import { Uuid } from './text.js';

export const QuoteRequest = z
  .strictObject({
    currency: Currency,
    lines: z
      .array(
        z.strictObject({
          variantId: Uuid,
          quantity: z.int().min(1).max(100_000),
          expected: Money.optional().describe('The unit price that the shopper was shown'),
        }),
      )
      .min(1)
      .max(100),
  })
  .meta({ id: 'QuoteRequest' });
export type QuoteRequest = z.infer<typeof QuoteRequest>;

/** Money that may exceed what one piece may cost. */
const Total = Money.extend({ amount: z.int().min(0) }).meta({ id: 'Total' });

const QuoteProblem = z.enum(['unknown_variant', 'no_price', 'price_differs', 'insufficient_stock']);

export const QuoteLine = z
  .strictObject({
    variantId: Uuid,
    quantity: z.int(),
    product: z
      .strictObject({ id: Uuid, slug: z.string(), title: z.string(), variantTitle: z.string(), sku: z.string().nullable(), version: z.int() })
      .nullable(),
    price: Price.nullable().describe('Of one piece'),
    total: Total.nullable(),
    available: z.boolean(),
    stock: z.int().nullable(),
    expected: Money.nullable(),
    priceDiffers: z.boolean().describe('Whether `expected` was sent and is not the price'),
    problems: z.array(QuoteProblem),
  })
  .meta({ id: 'QuoteLine' });
export type QuoteLine = z.infer<typeof QuoteLine>;

export const Quote = z
  .strictObject({
    currency: Currency,
    lines: z.array(QuoteLine),
    total: Total.nullable().describe('null where a line has no price'),
    ok: z.boolean().describe('No line has a problem'),
  })
  .meta({ id: 'Quote' });
export type Quote = z.infer<typeof Quote>;

export interface QuoteService {
  /** Prices and stock of all lines from one snapshot of Postgres. Throws `unknown_currency`, and `unusable` for a total that cannot be said exactly. */
  quote(request: QuoteRequest): Promise<Quote>;
}

export function createQuoteService(deps: { quotes: QuoteReads }): QuoteService {
  return {
    async quote({ currency, lines }) {
      requireCurrency(currency);
      for (const { expected } of lines) if (expected) requireCurrency(expected.currency);
      const rows = await deps.quotes.variants([...new Set(lines.map(({ variantId }) => variantId))], currency);
      // Lines of one variant share its stock.
      const asked = new Map<string, number>();
      for (const { variantId, quantity } of lines) asked.set(variantId, (asked.get(variantId) ?? 0) + quantity);
      const answered = lines.map((line) => toLine(line, rows.get(line.variantId), asked.get(line.variantId) ?? 0, currency));
      const totals = answered.map(({ total }) => total);
      return {
        currency,
        lines: answered,
        total: totals.every((total) => total !== null)
          ? { amount: exact(totals.reduce((sum, { amount }) => sum + BigInt(amount), 0n)), currency }
          : null,
        ok: answered.every(({ problems }) => problems.length === 0),
      };
    },
  };
}

function toLine(
  { variantId, quantity, expected }: QuoteRequest['lines'][number],
  row: QuoteRow | undefined,
  asked: number,
  currency: string,
): QuoteLine {
  const price = row?.price ? { amount: row.price.amount, currency, compareAt: row.price.compareAt, validUntil: null } : null;
  const priceDiffers = expected !== undefined && (price === null || expected.amount !== price.amount || expected.currency !== currency);
  const problems: QuoteLine['problems'] = [];
  if (!row) problems.push('unknown_variant');
  else if (!price) problems.push('no_price');
  if (priceDiffers) problems.push('price_differs');
  if (row && row.policy === 'deny' && row.quantity < asked) problems.push('insufficient_stock');
  return {
    variantId,
    quantity,
    product: row ? { id: row.productId, slug: row.slug, title: row.title, variantTitle: row.variantTitle, sku: row.sku, version: row.version } : null,
    price,
    total: price && { amount: exact(BigInt(price.amount) * BigInt(quantity)), currency },
    available: row !== undefined && isAvailable(row),
    stock: row?.quantity ?? null,
    expected: expected ?? null,
    priceDiffers,
    problems,
  };
}

function exact(amount: bigint): number {
  if (amount > BigInt(Number.MAX_SAFE_INTEGER))
    throw new AppError('unusable', 'The total is too large to be said exactly: quote fewer pieces at a time');
  return Number(amount);
}
