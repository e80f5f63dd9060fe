import { v7 as newId } from 'uuid';
import type { ProductState, VariantState } from '../../src/catalog/product-state.js';

/** A product with one variant and nothing that is not asked for. */
export function product(slug: string, changes: Partial<ProductState> = {}): ProductState {
  return {
    id: newId(),
    slug,
    title: `Title of ${slug}`,
    description: '',
    brand: null,
    status: 'active',
    categories: [],
    tags: [],
    options: [],
    attributes: {},
    media: [],
    variants: [variant()],
    previousSlugs: [],
    createdAt: '2024-05-01T10:00:00.123Z',
    ...changes,
  };
}

export function variant(changes: Partial<VariantState> = {}): VariantState {
  return {
    id: newId(),
    sku: null,
    barcode: null,
    title: 'Default Title',
    options: {},
    position: 1,
    prices: [],
    quantity: 0,
    policy: 'deny',
    ...changes,
  };
}

/** In dollars' minor units. */
export function usd(amount: number, compareAt: number | null = null) {
  return { currency: 'USD', amount, compareAt };
}

/** A product that uses every column. */
export function richProduct(slug: string): ProductState {
  return product(slug, {
    title: 'Łampa "Oak" 🪔',
    description: '<p>Turned by hand &amp; oiled</p>',
    brand: 'Brick & Co',
    status: 'draft',
    categories: [
      [
        { slug: 'home', title: 'Home' },
        { slug: 'lamps', title: 'Lamps' },
      ],
      [{ slug: 'gifts', title: 'Gifts' }],
    ],
    tags: ['zebra', 'Apple', 'oak'],
    options: [
      { name: 'Size', values: ['M', 'S', 'unused'] },
      { name: 'Colour', values: ['Red'] },
    ],
    attributes: { 'care.wash': [1, 2.5, null, { deep: true }], material: 'oak', zero: 0 },
    media: [
      { url: '/img/a.svg', alt: 'front', position: 1 },
      { url: 'https://cdn.example/b.jpg', alt: null, position: 2 },
    ],
    variants: [
      variant({
        sku: 'LAMP-M',
        barcode: '4006381333931',
        title: 'M / Red',
        options: { Size: 'M', Colour: 'Red' },
        prices: [{ currency: 'EUR', amount: 9_007_199_254_740, compareAt: null }, usd(1999, 2499)],
        quantity: -3,
        policy: 'continue',
      }),
      variant({ title: 'S / Red', options: { Size: 'S', Colour: 'Red' }, position: 2, prices: [usd(0)], quantity: 7 }),
    ],
    previousSlugs: ['a-lamp', 'old-lamp'],
  });
}
