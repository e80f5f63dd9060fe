import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const columns = [
  ...['Handle', 'Title', 'Body (HTML)', 'Vendor', 'Product Category', 'Type', 'Tags', 'Published', 'Option1 Name', 'Option1 Value', 'Option2 Name'],
  ...['Option2 Value', 'Option3 Name', 'Option3 Value', 'Variant SKU', 'Variant Grams', 'Variant Inventory Tracker', 'Variant Inventory Qty'],
  ...['Variant Inventory Policy', 'Variant Fulfillment Service', 'Variant Price', 'Variant Compare At Price', 'Variant Requires Shipping'],
  ...['Variant Taxable', 'Variant Barcode', 'Image Src', 'Image Position', 'Image Alt Text', 'Gift Card', 'SEO Title', 'SEO Description'],
  ...['Google Shopping / Google Product Category', 'Google Shopping / Gender', 'Google Shopping / Condition', 'Variant Image'],
  ...['Variant Weight Unit', 'Cost per item', 'Status'],
];
const sizes = ['S', 'M', 'L', 'XL'];

/** Writes products as a shop's export has them, about 2 kB in four rows each, until the file has that many bytes. Gives their number. */
export async function writeShopifyFile(file, bytes) {
  const out = createWriteStream(file);
  let written = 0;
  let products = 0;
  let text = `${columns.join(',')}\n`;
  while (written + text.length < bytes) {
    text += rowsOf(products).map(line).join('');
    products += 1;
    if (text.length < 65_536) continue;
    written += Buffer.byteLength(text);
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  out.end(text);
  await once(out, 'finish');
  return products;
}

function rowsOf(place) {
  const handle = `shirt-${String(place).padStart(7, '0')}`;
  const first = {
    Title: `Shirt no. ${place}`,
    'Body (HTML)': `<p>A shirt, the ${place}th of its kind.</p><ul>${'<li>Washed at 40 °C, ironed, "folded" and worn again.</li>'.repeat(22)}</ul>`,
    Vendor: `Maker ${place % 40}`,
    'Product Category': 'Apparel & Accessories > Clothing > Shirts & Tops',
    Type: `Shirts ${place % 25}`,
    Tags: `cotton, spring, batch-${place % 100}`,
    Published: 'true',
    'Option1 Name': 'Size',
    'Option2 Name': 'Colour',
    'Gift Card': 'false',
    'SEO Title': `Shirt ${place}`,
    'SEO Description': 'A shirt to wear every day, and to mend when it has to be.',
    'Google Shopping / Gender': 'Unisex',
    Status: 'active',
  };
  return sizes.map((size, index) => ({
    Handle: handle,
    ...(index === 0 ? first : {}),
    'Option1 Value': size,
    'Option2 Value': 'Moss',
    'Variant SKU': `S-${place}-${size}`,
    'Variant Grams': '200',
    'Variant Inventory Tracker': 'shopify',
    'Variant Inventory Qty': String((place + index) % 40),
    'Variant Inventory Policy': 'deny',
    'Variant Fulfillment Service': 'manual',
    'Variant Price': `${10 + (place % 90)}.50`,
    'Variant Requires Shipping': 'true',
    'Variant Taxable': 'true',
    ...(index < 2 ? { 'Image Src': `https://cdn.example/${handle}-${index}.jpg`, 'Image Position': String(index + 1) } : {}),
    'Variant Weight Unit': 'g',
  }));
}

function line(row) {
  return `${columns.map((name) => quoted(row[name] ?? '')).join(',')}\n`;
}

function quoted(cell) {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
