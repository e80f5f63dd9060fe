import { setTimeout as sleep } from 'node:timers/promises';
import type { Chase } from './chase.js';
import { count, type Figures } from './figures.js';
import type { Slot } from './fleet.js';
import { type Answer, type Connection, createConnection, NoAnswer, requestText } from './http-connection.js';
import type { Random } from './random.js';
import { brand, currency, type Shop, type Tracked } from './shop.js';
import { type Reading, readBatch, readDetail, readListing, readQuote, type Seen } from './sights.js';

export interface ReaderDeps {
  slot: Slot;
  shop: Shop;
  figures: Figures;
  random: Random;
  isOver: () => boolean;
  /** Told of an answer that contradicts itself, or shows what nobody put there. */
  onContradiction: (what: string) => void;
}

/** Longer than any answer may take: what comes later is late for certain. */
const giveUpMs = 3_500;
const listings = [`brand=${brand}&limit=20`, 'tag=truth&sort=price&limit=12', 'q=product&sort=relevance&limit=10', 'sort=-price&limit=8'];
const validatorsKept = 40;

/** One shopper on one connection of one instance: reads, one request after the other, until the run is over. */
export async function readOn(deps: ReaderDeps & { pace: { turn(): Promise<void> } }): Promise<void> {
  const { shop, random } = deps;
  const reader = createReader(deps);
  while (!deps.isOver()) {
    await deps.pace.turn();
    const draw = random.next();
    if (draw < 0.56) await reader.detail(pickProduct(random, shop).slug, false);
    else if (draw < 0.82) await reader.detail(pickProduct(random, shop).slug, true);
    else if (draw < 0.89) await reader.detail(anySlug(random, shop), random.chance(0.5));
    else if (draw < 0.94) await reader.batch();
    else if (draw < 0.985) await reader.listing();
    else await reader.quote();
  }
  reader.close();
}

/** One who reads what is being written, at the moment it is. */
export async function chaseOn(deps: ReaderDeps & { chase: Chase }): Promise<void> {
  const reader = createReader(deps);
  while (!deps.isOver()) {
    const slug = await deps.chase.take();
    if (slug === null) break;
    await reader.detail(slug, deps.random.chance(0.3));
  }
  reader.close();
}

function createReader({ slot, shop, figures, random, onContradiction }: ReaderDeps) {
  const connection = createConnection(slot.port);
  const etags = new Map<string, string>();
  const pages = new Map<string, { etag: string; seen: Seen[] }>();

  async function ask(endpoint: string, text: string, read: (answer: Answer) => Reading): Promise<Reading | null> {
    const begin = performance.now();
    const result = await send(connection, text);
    if (!figures.answered(endpoint, slot, begin, result)) {
      if (result instanceof NoAnswer) await sleep(50);
      return null;
    }
    const end = performance.now();
    const reading = read(result);
    const by = `${slot.name} ${endpoint}${result.status === 304 ? ' 304' : ''}`;
    figures.answers += 1;
    figures.items += reading.seen.length;
    count(figures.byEndpoint, endpoint);
    const cacheStatus = result.header('cache-status') ?? 'none';
    count(figures.byCacheStatus, cacheStatus);
    if (cacheStatus.includes('unverified')) return reading;
    for (const fault of reading.faults) onContradiction(`${by}: ${fault}`);
    for (const { product, sight } of reading.seen) product.history.read(sight, begin, end, by);
    return reading;
  }

  async function detail(slug: string, isConditional: boolean): Promise<void> {
    const sent = isConditional ? etags.get(slug) : undefined;
    const text = requestText('GET', `/v1/products/${slug}`, sent === undefined ? {} : { 'if-none-match': sent });
    const reading = await ask(sent === undefined ? 'detail' : 'conditional', text, (answer) => readDetail(shop, slug, sent, answer));
    if (!reading?.etag) return;
    etags.delete(slug);
    etags.set(slug, reading.etag);
    const [oldest] = etags.keys();
    if (etags.size > validatorsKept && oldest !== undefined) etags.delete(oldest);
  }

  async function batch(): Promise<void> {
    const slugs = Array.from({ length: random.int(4, 12) }, () => (random.chance(0.2) ? anySlug(random, shop) : pickProduct(random, shop).slug));
    await ask('batch', requestText('POST', '/v1/products/batch', {}, { slugs }), (answer) => readBatch(shop, slugs, answer));
  }

  async function listing(): Promise<void> {
    const query = random.pick(listings);
    const last = random.chance(0.4) ? pages.get(query) : undefined;
    const text = requestText('GET', `/v1/products?${query}`, last === undefined ? {} : { 'if-none-match': last.etag });
    const reading = await ask('listing', text, (answer) =>
      answer.status === 304 && last ? { seen: last.seen, faults: [], etag: last.etag } : readListing(shop, answer),
    );
    if (reading?.etag) pages.set(query, { etag: reading.etag, seen: reading.seen });
  }

  async function quote(): Promise<void> {
    // A quote prices a variant whether or not its product is on sale, so none of a mover.
    const lines = Array.from({ length: 3 }, () => ({ variantId: random.pick(random.pick(shop.steady).variantIds), quantity: 1 }));
    await ask('quote', requestText('POST', '/v1/quotes', {}, { currency, lines }), (answer) => readQuote(shop, answer));
  }

  return { detail, batch, listing, quote, close: connection.close };
}

async function send(connection: Connection, text: string): Promise<Answer | NoAnswer> {
  try {
    return await connection.send(text, giveUpMs);
  } catch (error) {
    if (error instanceof NoAnswer) return error;
    throw error;
  }
}

/** A few products are hot, and those that are being written are looked at. */
function pickProduct(random: Random, shop: Shop): Tracked {
  const product = random.chance(0.3) ? shop.priced[random.int(0, 3)] : random.pick(shop.products);
  if (product && (product.openWrites > 0 || random.chance(0.7))) return product;
  return shop.priced.find(({ openWrites }) => openWrites > 0) ?? product ?? shop.still;
}

/** Slugs that move: of now, of before, of a moment from now. */
function anySlug(random: Random, shop: Shop): string {
  const product = random.pick(shop.movers);
  const slugs = [product.slug, product.comingSlug, ...product.pastSlugs.slice(-3)].filter((slug) => slug !== null);
  return random.pick(slugs);
}
