import type { Sight } from './history.js';
import type { Answer } from './http-connection.js';
import type { Shop, Tracked } from './shop.js';

/** One product as an answer shows it. */
export interface Seen {
  product: Tracked;
  sight: Sight;
}

/** What an answer says, and where it contradicts itself or shows something that nobody put there. */
export interface Reading {
  seen: Seen[];
  faults: string[];
  /** The validator it came with, and the versions that a later 304 to it repeats. */
  etag: string | undefined;
}

interface Body {
  slug: string;
  version: number;
  status: string;
  variants: { id: string; price: { amount: number } | null }[];
  priceRange: { min: { amount: number }; max: { amount: number } } | null;
}
interface Card {
  slug: string;
  version: number;
  price: { amount: number } | null;
}
interface QuoteLine {
  variantId: string;
  product: { slug: string; version: number } | null;
  price: { amount: number } | null;
}

/** @param sent the If-None-Match: a 304 repeats what it named */
export function readDetail(shop: Shop, slug: string, sent: string | undefined, answer: Answer): Reading {
  const reading = empty(answer);
  if (answer.status === 200) {
    const body = JSON.parse(answer.body) as Body;
    if (body.slug !== slug) reading.faults.push(`200 for ${slug} shows ${body.slug}`);
    if (versionOf(reading.etag) !== body.version) reading.faults.push(`ETag ${reading.etag} on version ${body.version} of ${slug}`);
    addBody(shop, reading, body);
  } else {
    const product = shop.ownerOf(slug);
    if (!product) return reading;
    if (answer.status === 404) reading.seen.push({ product, sight: { kind: 'absent', slug } });
    if (answer.status === 301) {
      const to = decodeURIComponent(answer.header('location')?.split('/').at(-1)?.split('?')[0] ?? '');
      reading.seen.push({ product, sight: { kind: 'moved', from: slug, to } });
    }
    if (answer.status === 304) {
      const version = versionOf(sent);
      if (version === undefined || reading.etag !== sent) reading.faults.push(`304 with the ETag ${reading.etag} to ${sent}`);
      else reading.seen.push({ product, sight: { kind: 'version', version, slug } });
    }
  }
  return reading;
}

export function readBatch(shop: Shop, slugs: readonly string[], answer: Answer): Reading {
  const reading = empty(answer);
  const { data, missing } = JSON.parse(answer.body) as { data: Body[]; missing: string[] };
  const shown = new Set<Tracked>();
  for (const body of data) {
    const product = addBody(shop, reading, body);
    if (product) shown.add(product);
  }
  for (const slug of new Set(slugs)) {
    const product = shop.ownerOf(slug);
    if (!product) continue;
    if (missing.includes(slug)) reading.seen.push({ product, sight: { kind: 'absent', slug } });
    else if (!shown.has(product)) reading.faults.push(`${slug} is neither shown nor missing in a batch`);
  }
  return reading;
}

export function readListing(shop: Shop, answer: Answer): Reading {
  const reading = empty(answer);
  for (const { slug, version, price } of (JSON.parse(answer.body) as { data: Card[] }).data) {
    const product = owner(shop, reading, slug);
    if (product && price) reading.seen.push({ product, sight: { kind: 'version', version, slug, lowest: price.amount } });
  }
  return reading;
}

export function readQuote(shop: Shop, answer: Answer): Reading {
  const reading = empty(answer);
  for (const { variantId, product: named, price } of (JSON.parse(answer.body) as { lines: QuoteLine[] }).lines) {
    if (!named || !price) continue;
    const product = owner(shop, reading, named.slug);
    if (!product) continue;
    const amounts: (number | undefined)[] = product.variantIds.map((id) => (id === variantId ? price.amount : undefined));
    reading.seen.push({ product, sight: { kind: 'version', version: named.version, slug: named.slug, amounts } });
  }
  return reading;
}

function empty(answer: Answer): Reading {
  return { seen: [], faults: [], etag: answer.header('etag') };
}

function addBody(shop: Shop, reading: Reading, { slug, version, status, variants, priceRange }: Body): Tracked | undefined {
  const amounts = variants.map(({ price }) => price?.amount ?? Number.NaN);
  if (priceRange?.min.amount !== Math.min(...amounts) || priceRange.max.amount !== Math.max(...amounts))
    reading.faults.push(`${slug} at version ${version} has the prices ${amounts} and the range ${JSON.stringify(priceRange)}`);
  if (status !== 'active') reading.faults.push(`${slug} at version ${version} is ${status} and shown`);
  const product = owner(shop, reading, slug);
  if (product) reading.seen.push({ product, sight: { kind: 'version', version, slug, amounts } });
  return product;
}

function owner(shop: Shop, reading: Reading, slug: string): Tracked | undefined {
  const product = shop.ownerOf(slug);
  if (!product) reading.faults.push(`${slug} is nobody's slug`);
  return product;
}

function versionOf(etag: string | undefined): number | undefined {
  const digits = /^"(\d+)\./.exec(etag ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
