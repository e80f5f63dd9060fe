import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const brands = ['Lindqvale', 'Ferrow', 'Maris & Oak', 'Holt', 'Saltmarsh', 'Øster', 'Kettle Row', 'Pinehall'];
const shelves = ['Lighting', 'Kitchen', 'Bedroom', 'Garden', 'Office', 'Bath', 'Hallway', 'Nursery', 'Workshop', 'Travel'];
const rows = ['Basics', 'Seasonal', 'Handmade', 'Outlet', 'New'];
const tags = ['oak', 'linen', 'bestseller', 'gift', 'small', 'large', 'recycled', 'limited', 'wool', 'steel'];
const nouns = ['lamp', 'bowl', 'blanket', 'stool', 'kettle', 'shelf', 'rug', 'bag', 'clock', 'mirror'];
const sizes = ['S', 'M', 'L'];
const colours = ['Ash', 'Clay', 'Moss'];

export const slugOf = (place) => `bench-${nouns[place % nouns.length]}-${String(place).padStart(6, '0')}`;

/** Writes `count` products as NDJSON for the importer: the same ones every time, of the size of those in the demo catalog, all older than it. */
export async function writeCatalog(file, count) {
  const out = createWriteStream(file);
  for (let place = 0; place < count; place += 1) {
    if (!out.write(`${JSON.stringify(product(place))}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

function product(place) {
  const at = (list, step) => list[Math.floor(place / step) % list.length];
  const noun = at(nouns, 1);
  const hasVariants = place % 3 !== 0;
  const variants = hasVariants ? sizes.flatMap((size) => colours.slice(0, 1 + (place % 2)).map((colour) => ({ size, colour }))) : [null];
  return {
    slug: slugOf(place),
    title: `${at(brands, 7)} ${noun} no. ${place}`,
    description: `<p>A ${noun} for the ${at(shelves, 3).toLowerCase()}, made to be used every day and mended when it has to be.</p><p>${'It ages well. '.repeat(6)}</p>`,
    brand: at(brands, 7),
    status: 'active',
    categories: [[{ title: at(shelves, 3) }, { title: at(rows, 11) }]],
    tags: [at(tags, 1), at(tags, 13)].filter((tag, i, all) => all.indexOf(tag) === i),
    options: hasVariants
      ? [
          { name: 'Size', values: sizes },
          { name: 'Colour', values: colours },
        ]
      : [],
    attributes: { care: 'Wipe with a dry cloth', weightGrams: 100 + (place % 900) },
    media: [1, 2].map((position) => ({ url: `/media/demo/${slugOf(place)}-${position}.svg`, alt: `The ${noun}, view ${position}`, position })),
    variants: variants.map((choice, i) => ({
      sku: `B${place}-${i}`,
      barcode: null,
      title: choice === null ? 'Default Title' : `${choice.size} / ${choice.colour}`,
      options: choice === null ? {} : { Size: choice.size, Colour: choice.colour },
      position: i + 1,
      prices: [{ currency: 'USD', amount: 900 + ((place * 37 + i * 250) % 40_000), compareAt: place % 5 === 0 ? 50_000 : null }],
      quantity: (place * 7 + i) % 40,
      policy: 'deny',
    })),
    createdAt: new Date(Date.UTC(2020, 0, 1) + place * 60_000).toISOString(),
  };
}
