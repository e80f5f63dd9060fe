import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKnownCurrency, maxAmountMinor, minorDigits, parseAmount, requireCurrency } from '../../src/catalog/money.js';

describe('amounts', () => {
  it('come back from their decimal form, in every number of decimals, without a float in between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: maxAmountMinor }), fc.constantFrom('USD', 'JPY', 'OMR'), fc.nat(3), (amount, currency, zeros) => {
        const digits = minorDigits(currency);
        const padded = String(amount).padStart(digits + 1, '0');
        const decimal = digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
        expect(parseAmount(decimal, currency)).toBe(amount);
        expect(parseAmount(`0${decimal}${digits === 0 ? '.' : ''}${'0'.repeat(zeros)}`, currency)).toBe(amount);
      }),
    );
  });

  it.each([
    ['19.99', 'USD', 1999],
    ['1999', 'JPY', 1999],
    ['1.999', 'OMR', 1999],
    ['50', 'USD', 5000],
    ['.5', 'USD', 50],
    ['5.', 'USD', 500],
    ['0', 'USD', 0],
    ['1.10', 'JPY', null],
    ['1.00', 'JPY', 1],
    ['1.999', 'USD', null],
    ['10000000000.00', 'USD', 1_000_000_000_000],
    ['10000000000.01', 'USD', null],
    ['-1', 'USD', null],
    ['+1', 'USD', null],
    ['1,5', 'USD', null],
    ['1e3', 'USD', null],
    ['0x10', 'USD', null],
    ['1 000', 'USD', null],
    ['1,299.00', 'USD', 129_900],
    ['12,345,678', 'JPY', 12_345_678],
    ['1,299', 'USD', null],
    ['1,299', 'OMR', null],
    ['12,99.00', 'USD', null],
    ['0,299.00', 'USD', null],
    ['1.299,00', 'USD', null],
    ['.', 'USD', null],
    ['', 'USD', null],
    ['١٢', 'USD', null],
  ])('read %s %s as %s', (decimal, currency, expected) => {
    expect(parseAmount(decimal, currency)).toBe(expected);
  });

  it('are of currencies that ISO 4217 lists', () => {
    expect(['USD', 'EUR', 'JPY', 'OMR', 'ZZZ', 'usd', ''].filter(isKnownCurrency)).toEqual(['USD', 'EUR', 'JPY', 'OMR']);
    expect(['USD', 'JPY', 'OMR', 'CLF'].map(minorDigits)).toEqual([2, 0, 3, 4]);
    expect(() => requireCurrency('ZZZ')).toThrow(expect.objectContaining({ code: 'unknown_currency' }));
  });
});
