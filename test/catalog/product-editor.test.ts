import { describe, expect, it } from 'vitest';
import { applyPatch, blankProduct } from '../../src/catalog/product-editor.js';
import { limits, type ProductPatch } from '../../src/catalog/product-input.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { AppError } from '../../src/errors.js';

const usd = (amount: number, compareAt: number | null = null) => ({ currency: 'USD', amount, compareAt });
const jpy = (amount: number, compareAt: number | null = null) => ({ currency: 'JPY', amount, compareAt });

function make(patch: ProductPatch): ProductState {
  return applyPatch(blankProduct(new Date(0)), { title: 'Lamp', ...patch }, 'USD');
}
const priced = (prices: object[]) => make({ variants: [{ prices: prices as never }] });
function edit(state: ProductState, patch: ProductPatch): ProductState {
  return applyPatch(state, patch, 'USD');
}
function editVariant(state: ProductState, change: object) {
  return edit(state, { variants: [{ id: state.variants[0]?.id, ...change }] }).variants[0];
}
function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
const fault = (work: () => unknown) => refusal(work).faults?.[0]?.path;

describe('the prices of an edited variant', () => {
  it('stay where neither price nor prices is sent', () => {
    expect(editVariant(priced([usd(1), jpy(2)]), { quantity: 5 })?.prices).toEqual([jpy(2), usd(1)]);
  });

  it('change in one currency by price, which keeps a compareAt that it leaves out', () => {
    const state = priced([usd(1, 9), jpy(2)]);
    expect(editVariant(state, { price: { currency: 'USD', amount: 3 } })?.prices).toEqual([jpy(2), usd(3, 9)]);
    expect(editVariant(state, { price: { currency: 'USD', amount: 3, compareAt: null } })?.prices).toEqual([jpy(2), usd(3)]);
    expect(editVariant(state, { price: { currency: 'EUR', amount: 3 } })?.prices).toEqual([
      { currency: 'EUR', amount: 3, compareAt: null },
      jpy(2),
      usd(1, 9),
    ]);
  });

  it('lose the one in the shop’s own currency by a price of null', () => {
    expect(editVariant(priced([usd(1), jpy(2)]), { price: null })?.prices).toEqual([jpy(2)]);
  });

  it('are replaced whole by prices', () => {
    expect(editVariant(priced([usd(1, 9), jpy(2)]), { prices: [usd(3)] })?.prices).toEqual([usd(3)]);
    expect(editVariant(priced([usd(1)]), { prices: [] })?.prices).toEqual([]);
  });

  it('may be sent both ways as long as both say the same', () => {
    const state = priced([usd(1, 9)]);
    expect(editVariant(state, { price: { currency: 'USD', amount: 1, compareAt: 9 }, prices: [usd(1, 9)] })?.prices).toEqual([usd(1, 9)]);
    expect(editVariant(state, { price: null, prices: [usd(1, 9)] })?.prices).toEqual([usd(1, 9)]);
    for (const price of [
      { currency: 'USD', amount: 2 },
      { currency: 'USD', amount: 1, compareAt: null },
      { currency: 'EUR', amount: 1 },
    ]) {
      expect(fault(() => editVariant(state, { price, prices: [usd(1, 9)] }))).toBe('variants.0.price');
    }
  });

  it('stand once per currency, in currencies that exist', () => {
    expect(fault(() => priced([usd(1), usd(2)]))).toBe('variants.0.prices.1.currency');
    expect(refusal(() => priced([{ ...usd(1), currency: 'ZZZ' }])).code).toBe('unknown_currency');
  });
});

describe('the variants of an edited product', () => {
  const state = make({
    options: [
      { name: 'Size', values: ['XL'] },
      { name: 'Colour', values: [] },
    ],
    variants: [
      { options: { Colour: 'Red', Size: 'S' }, sku: 'S', quantity: 3 },
      { options: { Size: 'M', Colour: 'Red' }, sku: 'M', policy: 'continue' },
    ],
  });
  const [small, medium] = state.variants;

  it('have a value for each option, in the order of the options, which list what is in use', () => {
    expect(state.options).toEqual([
      { name: 'Size', values: ['XL', 'S', 'M'] },
      { name: 'Colour', values: ['Red'] },
    ]);
    expect(Object.keys(small?.options ?? {})).toEqual(['Size', 'Colour']);
    expect(state.variants.map(({ title }) => title)).toEqual(['Red / S', 'M / Red']);
  });

  it('are replaced whole: what is named by id keeps what is left out, the rest is new or gone', () => {
    const { variants } = edit(state, { variants: [{ options: { Size: 'L', Colour: 'Red' } }, { id: small?.id, quantity: 4 }] });
    expect(variants).toHaveLength(2);
    expect(variants[1]).toEqual({ ...small, quantity: 4, position: 2 });
    expect([small?.id, medium?.id]).not.toContain(variants[0]?.id);
  });

  it('stay where they are left out, whatever else changes', () => {
    expect(edit(state, { title: 'Other' }).variants).toEqual(state.variants);
  });

  it('bring the options with them where the product has none yet', () => {
    expect(make({ variants: [{ options: { Size: 'S' } }, { options: { Size: 'M' } }] }).options).toEqual([{ name: 'Size', values: ['S', 'M'] }]);
  });

  it.each<[string, ProductPatch, string]>([
    [
      'a value for an option the product does not have',
      { variants: [{ options: { Size: 'S', Colour: 'Red', Material: 'Oak' } }] },
      'variants.0.options',
    ],
    ['no value for one of the options', { variants: [{ options: { Size: 'S' } }] }, 'variants.0.options'],
    [
      'the same values twice',
      { variants: [{ options: { Size: 'S', Colour: 'Red' } }, { options: { Colour: 'Red', Size: 'S' } }] },
      'variants.1.options',
    ],
    ['a variant of another product', { variants: [{ id: '0198c000-0000-7000-8000-000000000000' }] }, 'variants.0.id'],
    ['a variant twice', { variants: [{ id: small?.id }, { id: small?.id, options: { Size: 'L', Colour: 'Red' } }] }, 'variants.1.id'],
    [
      'an option twice',
      {
        options: [
          { name: 'Size', values: [] },
          { name: 'Size', values: [] },
          { name: 'Colour', values: [] },
        ],
      },
      'options.1.name',
    ],
    ['options that the variants do not have', { options: [{ name: 'Material', values: [] }] }, 'variants.0.options'],
  ])('are refused with %s', (_, patch, path) => {
    expect(refusal(() => edit(state, patch)).code).toBe('unusable');
    expect(fault(() => edit(state, patch))).toBe(path);
  });

  it('bring at most as many options as a product may have', () => {
    const options = Object.fromEntries(Array.from({ length: limits.options + 1 }, (_, i) => [`o${i}`, 'v']));
    expect(fault(() => make({ variants: [{ options }] }))).toBe('options');
  });

  it('have titles that can be stored, however many options they have', () => {
    const names = Array.from({ length: 10 }, (_, i) => `o${i}`);
    const { variants } = make({
      options: names.map((name) => ({ name, values: [] })),
      variants: [{ options: Object.fromEntries(names.map((name) => [name, '🪔'.repeat(250)])) }],
    });
    expect(Array.from(variants[0]?.title ?? '')).toHaveLength(1024);
    expect(variants[0]?.title.isWellFormed()).toBe(true);
  });
});

describe('the text of an edited product', () => {
  it('makes a slug of the title in Latin letters where it can, in its own script where it cannot', () => {
    expect(make({ title: 'iPhone Case (größe XL)' }).slug).toBe('iphone-case-groesse-xl');
    expect(make({ title: '緑の 椅子' }).slug).toBe('緑の-椅子');
    expect(Array.from(make({ title: 'a'.repeat(1024) }).slug)).toHaveLength(255);
    expect(fault(() => make({ title: '???' }))).toBe('slug');
  });

  it('takes attributes that only write about what cannot be stored', () => {
    const attributes = { path: 'C:\\ud800\\u0000' };
    expect(make({ attributes }).attributes).toEqual(attributes);
    const unstorable: ProductPatch['attributes'][] = [{ a: ['\0'] }, { '\ud800': 1 }];
    for (const bad of unstorable) expect(fault(() => make({ attributes: bad }))).toBe('attributes');
  });

  it('keeps the slug when the title changes', () => {
    expect(edit(make({ slug: 'kept' }), { title: 'Other' }).slug).toBe('kept');
  });

  it('takes a long description back after escaping has made it longer, and no new one of that length', () => {
    const state = make({ description: '&'.repeat(limits.description) });
    expect(state.description).toHaveLength(limits.sanitizedDescription);
    expect(edit(state, { description: state.description })).toEqual(state);
    expect(fault(() => edit(state, { description: `${state.description.slice(1)}a` }))).toBe('description');
  });

  it('takes out what runs code, and takes back what it gave', () => {
    const { description } = make({ description: '<p onclick=x>a<script>b</script> & c</p>' });
    expect(description).toBe('<p>a &amp; c</p>');
    expect(make({ description }).description).toBe(description);
  });
});
