import currencyCodes from 'currency-codes';
import { z } from 'zod';
import { AppError } from '../errors.js';

/** Amounts above this are typing errors, and their totals would leave the range in which JSON numbers are exact. */
export const maxAmountMinor = 1_000_000_000_000;

export const Amount = z
  .int()
  .min(0)
  .max(maxAmountMinor)
  .describe('Integer minor units of the currency (ISO 4217): 1999 is 19.99 USD, 1999 JPY, 1.999 OMR');

export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .describe('ISO 4217 code');

export const Money = z.strictObject({ amount: Amount, currency: Currency }).meta({ id: 'Money' });
export type Money = z.infer<typeof Money>;

export const Price = z
  .strictObject({
    amount: Amount,
    currency: Currency,
    compareAt: Amount.nullable().describe('What it cost before, in the same currency; may be at or below the price'),
    validUntil: z.iso.datetime().nullable().describe('When this price ends; null while none is scheduled'),
  })
  .meta({ id: 'Price' });
export type Price = z.infer<typeof Price>;

/** A stored price, whatever the currency: `amount` and `compareAt` in minor units. */
export interface StoredPrice {
  currency: string;
  amount: number;
  compareAt: number | null;
}

const digitsByCode = new Map(currencyCodes.data.map(({ code, digits }) => [code, digits]));

export function isKnownCurrency(code: string): boolean {
  return digitsByCode.has(code);
}

/** Throws `unknown_currency` for a code that ISO 4217 does not list. Returns the code. */
export function requireCurrency(code: string): string {
  if (!isKnownCurrency(code)) throw new AppError('unknown_currency', `${code} is not an ISO 4217 currency code`);
  return code;
}

/** How many decimals the currency has by ISO 4217: USD 2, JPY 0, OMR 3. */
export function minorDigits(currency: string): number {
  return digitsByCode.get(requireCurrency(currency)) ?? 2;
}

/**
 * A decimal string as shops export it (`19.99`, `50`, `.5`) to integer minor units, without a float in between. Thousands may be set apart by
 * commas where nothing else can be meant: `1,299.00`, `1,299,000`, but not `1,299`, whose comma may be a decimal one.
 * Returns null where the text is not such a non-negative decimal, says more decimals than the currency has, or is out of range.
 */
export function parseAmount(decimal: string, currency: string): number | null {
  const plain = /^[1-9]\d{0,2}(,\d{3})+(,\d{3}|\.\d+)$/.test(decimal) ? decimal.replaceAll(',', '') : decimal;
  const parts = /^(\d*)(?:\.(\d*))?$/.exec(plain);
  if (!parts || (!parts[1] && !parts[2])) return null;
  const digits = minorDigits(currency);
  const fraction = withoutEndingZeros(parts[2] ?? '');
  if (fraction.length > digits) return null;
  const amount = Number(`${parts[1] || '0'}${fraction.padEnd(digits, '0')}`);
  return amount <= maxAmountMinor ? amount : null;
}

/** Not by a pattern: a cell of a file may hold millions of zeros that are not its end, and each would be tried as a beginning. */
function withoutEndingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
