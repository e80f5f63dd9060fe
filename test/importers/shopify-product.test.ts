import { describe, expect, it } from 'vitest';
import { csv, fixture, inline, readAll } from './read-all.js';

describe('a product of a Shopify CSV', () => {
  it('has the fields of its first row and the variants and images of all its rows', async () => {
    const { products } = await readAll(fixture('shopify/plain-export.csv'));
    expect(products.map(({ line, slug }) => [line, slug])).toEqual([
      [2, 'harbour-jumper'],
      [3, 'ferry-tee'],
      [6, 'gift-card'],
    ]);
    expect(products[1]).toMatchObject({
      title: 'Ferry Tee',
      description: 'Soft cotton, boat neck.',
      brand: 'North Quay',
      status: 'active',
      tags: ['cotton', 'summer'],
      options: [{ name: 'Size', values: ['Small', 'Medium', 'Large'] }],
      media: [{ url: 'https://images.example/knitwear/ferry.jpg', alt: null, position: 1 }],
      pricesCover: 'USD',
    });
    expect(products[1]?.variants[2]).toEqual({
      sku: null,
      barcode: null,
      title: 'Large',
      options: { Size: 'Large' },
      position: 3,
      prices: [{ currency: 'USD', amount: 2700, compareAt: null }],
      quantity: 1,
      policy: 'deny',
    });
  });

  it('without options has one variant named Default Title', async () => {
    const { products } = await readAll(fixture('shopify/plain-export.csv'));
    expect(products[0]).toMatchObject({ options: [], variants: [{ title: 'Default Title', options: {} }] });
  });

  it('keeps odd but normal data: zero prices, negative stock, compare-at at or below the price, codes with leading zeros', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.variants).toMatchObject([
      { sku: '00451', barcode: '0036000291452', prices: [{ amount: 0, compareAt: null }], quantity: -3, policy: 'continue' },
      { sku: '00451', barcode: null, prices: [{ amount: 5990, compareAt: 5990 }], quantity: 4, policy: 'deny' },
    ]);
    expect(products[1]?.variants[0]?.prices).toEqual([{ currency: 'USD', amount: 1250, compareAt: 1000 }]);
    expect(products[2]?.variants[0]?.prices[0]?.amount).toBe(50);
    expect(products[3]?.title).toHaveLength(210);
  });

  it('is sold on where nobody counts its stock, and not where a tracker stands beside a blank quantity', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[1]?.variants[0]).toMatchObject({ quantity: 0, policy: 'continue' });
    expect(products[2]?.variants[0]).toMatchObject({ quantity: 0, policy: 'deny' });
  });

  it('takes 3.0 for the three that it is, and nothing else with a point', async () => {
    const row = { Handle: 'a', Title: 'A', 'Variant Price': '1' };
    const [first, second] = ['https://images.example/1.jpg', 'https://images.example/2.jpg'];
    const { products } = await readAll(
      inline(
        csv(
          { ...row, 'Variant Inventory Qty': '3.0', 'Image Src': second, 'Image Position': '2.0' },
          { Handle: 'a', 'Image Src': first, 'Image Position': '1.0' },
          { ...row, Handle: 'b', 'Variant Inventory Qty': '-4.00' },
        ),
      ),
    );
    expect(products.map(({ variants }) => variants[0]?.quantity)).toEqual([3, -4]);
    expect(products[0]?.media.map(({ url }) => url)).toEqual([first, second]);
    const { faults } = await readAll(inline(csv({ ...row, 'Variant Inventory Qty': '2.5', 'Image Src': first, 'Image Position': '1.5' })));
    expect(faults.map(({ code }) => code)).toEqual(['bad_quantity', 'bad_image_position']);
  });

  it('takes one option for names that differ by case between rows, and two for two columns', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.options).toEqual([
      { name: 'Color', values: ['Brass', 'Steel'] },
      { name: 'color', values: ['warm', 'cold'] },
    ]);
    expect(products[0]?.variants.map(({ title, options }) => [title, options])).toEqual([
      ['Brass / warm', { Color: 'Brass', color: 'warm' }],
      ['Steel / cold', { Color: 'Steel', color: 'cold' }],
    ]);
  });

  it('is taken where a spreadsheet has set thousands apart, or an image has a space in its name', async () => {
    const { products, faults } = await readAll(
      inline(csv({ Handle: 'a', Title: 'A', 'Variant Price': '1,299.00', 'Image Src': 'https://images.example/front view.jpg' })),
    );
    expect(faults).toEqual([]);
    expect(products).toMatchObject([
      { variants: [{ prices: [{ amount: 129_900 }] }], media: [{ url: 'https://images.example/front%20view.jpg', position: 1 }] },
    ]);
  });

  it('has each image once, in the order of the positions, a blank position last', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.media).toEqual([
      { url: 'https://images.example/lamps/2.jpg', alt: null, position: 1 },
      { url: 'https://images.example/lamps/1.jpg', alt: 'Lumen on a desk', position: 2 },
      { url: 'https://images.example/lamps/3.jpg', alt: null, position: 3 },
    ]);
  });

  it('keeps tags that differ by case only and drops the others that repeat', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.tags).toEqual(['Lamp', 'lamp', 'Brass']);
  });

  it('stands in its category path and, unless that ends in the same word, in its type', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.categories).toEqual([[{ title: 'Home & Garden' }, { title: 'Lighting' }, { title: 'Lamps' }], [{ title: 'Table lamps' }]]);
    expect(products[1]?.categories).toEqual([[{ title: 'Home & Garden' }, { title: 'Lighting' }, { title: 'Shades' }]]);
    expect(products[2]?.categories).toEqual([]);
  });

  it('carries SEO fields, Google fields and metafields as attributes, and never what it costs the shop', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.attributes).toEqual({
      type: 'Table lamps',
      seoTitle: 'Lumen Lamp | Glow',
      'googleShopping.googleProductCategory': '4636',
      'googleShopping.mpn': 'LL-1',
      'googleShopping.adWordsLabels': 'bright',
      'googleShopping.customLabel0': 'x',
      'custom.size_chart': '[1,2]',
      'shopify.fabric': '真鍮',
    });
    expect(Object.keys({})).toEqual([]);
    expect((await readAll(fixture('shopify/plain-export.csv'))).products[2]?.attributes).toEqual({ giftCard: true });
  });

  it('has a sanitised description', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products[0]?.description).toBe('<h2>Lumen</h2>\n<p>A lamp &amp; a <strong>friend</strong>.</p>\n\n<a>more</a>');
  });

  it('is a draft, active or archived by its status, and where that is blank by Published', async () => {
    const { products } = await readAll(fixture('shopify/wide-export.csv'));
    expect(products.map(({ status }) => status)).toEqual(['active', 'draft', 'archived', 'draft']);
  });

  it('gets a slug made of a handle that cannot stand in a URL, and keeps every other handle as it is', async () => {
    const handles = ['plain', 'Über_Lampe.2', '衣服', 'two words', 'a/b'];
    const { products } = await readAll(inline(csv(...handles.map((handle) => ({ Handle: handle, Title: 'T', 'Variant Price': '1' })))));
    expect(products.map(({ slug }) => slug)).toEqual(['plain', 'Über_Lampe.2', '衣服', 'two-words', 'a-b']);
  });

  it('has as many decimals as its currency', async () => {
    const file = inline(csv({ Handle: 'a', Title: 'A', 'Variant Price': '1500.00', 'Variant Compare At Price': '1.5' }));
    expect((await readAll(file, 'shopify', 'OMR')).products[0]?.variants[0]?.prices).toEqual([
      { currency: 'OMR', amount: 1_500_000, compareAt: 1500 },
    ]);
    expect((await readAll(file, 'shopify', 'JPY')).faults).toMatchObject([{ line: 2, column: 'Variant Compare At Price', code: 'bad_compare_at' }]);
    await expect(readAll(file, 'shopify', 'ZZZ')).rejects.toMatchObject({ code: 'unknown_currency' });
  });

  it('may have no variant at all, where no row has a price', async () => {
    const { products } = await readAll(inline(csv({ Handle: 'a', Title: 'A' })));
    expect(products[0]?.variants).toEqual([]);
  });

  it('is read from the columns of the newer template too', async () => {
    const { products } = await readAll(fixture('shopify/new-template.csv'));
    expect(products).toMatchObject([
      {
        slug: 'kettle',
        description: '<p>Boils.</p>',
        categories: [[{ title: 'Home & Garden' }, { title: 'Kitchen' }], [{ title: 'Kettles' }]],
        status: 'active',
        variants: [{ sku: 'K-1', prices: [{ amount: 3900, compareAt: 4500 }], quantity: 7, policy: 'deny' }],
        media: [{ url: 'https://images.example/kettle.jpg', alt: 'A kettle' }],
      },
    ]);
  });
});
