import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.js';
import { count, type Figures } from './figures.js';
import type { Slot } from './fleet.js';
import type { Change } from './history.js';
import { type Answer, type Connection, createConnection, NoAnswer, requestText } from './http-connection.js';
import type { Random } from './random.js';
import { type CreatedProduct, currency, newProduct, type Shop, type Tracked } from './shop.js';
import type { Shown } from './version-table.js';

export interface WriterDeps {
  slots: readonly Slot[];
  shop: Shop;
  figures: Figures;
  faults: FaultLog;
  random: Random;
  pace: { turn(): Promise<void> };
  adminKey: string;
  isOver: () => boolean;
  /** Told of a product whose write has just begun, and of one whose write has just been acknowledged: these are the moments to look at it. */
  onMoment: (slug: string) => void;
}

/** After this the outcome is not waited for any longer. */
export const writeGiveUpMs = 8_000;
/** How long after a fault a write's latency still counts as that of a write with faults. */
const calmAfterMs = 6_000;
const newProductsAtMost = 40;

interface Request {
  what: string;
  method: string;
  path: string;
  body: object;
  product: Tracked;
  change: Change;
  /** The version and what else an answer says of it. */
  read(answer: Answer): { version: number; shown: Shown };
}

function createSender({ slots, figures, faults, random, adminKey, onMoment }: WriterDeps) {
  const connections = new Map<Slot, Connection>();

  /** Sends a write to any instance that is up. Resolves to whether it was acknowledged. */
  return async function write({ what, method, path, body, product, change, read }: Request): Promise<Answer | null> {
    const up = slots.filter((slot) => slot.isUp());
    if (up.length === 0) {
      await sleep(100);
      return null;
    }
    const slot = random.pick(up);
    const connection = connections.get(slot) ?? createConnection(slot.port);
    connections.set(slot, connection);
    const text = requestText(method, path, { authorization: `Bearer ${adminKey}` }, body);
    const begin = performance.now();
    const record = product.history.begin(change, begin, `${slot.name} ${what}`);
    product.openWrites += 1;
    onMoment(product.slug);
    const result = await connection.send(text, writeGiveUpMs).catch((error: unknown) => {
      if (error instanceof NoAnswer) return error;
      throw error;
    });
    product.openWrites -= 1;
    const isAnswer = figures.answered(what, slot, begin, result);
    const end = performance.now();
    count(figures.writes.byKind, what);
    if (isAnswer && result.status < 300) {
      const { version, shown } = read(result);
      product.history.settle(record, end, 'acked', version, shown);
      figures.writes.acked += 1;
      figures.lastWrite.set(slot.name, begin);
      figures.latency[faults.touches(begin, end, calmAfterMs) ? 'faulted' : 'calm'].push(end - begin);
      onMoment(product.slug);
      return result;
    }
    const outcome = isOpen(result) ? 'unknown' : 'refused';
    product.history.settle(record, end, outcome);
    figures.writes[outcome] += 1;
    if (result instanceof NoAnswer && result.reason === 'refused') await sleep(50);
    return null;
  };
}

/** Whether it may have taken effect: the service says so, or says nothing. A connection that was never made carried nothing. */
function isOpen(result: Answer | NoAnswer): boolean {
  if (result instanceof NoAnswer) return result.reason !== 'refused';
  return result.status >= 500 && (result.status !== 503 || result.body.includes('write_outcome_unknown'));
}

/** Changes prices, a few hot products more than others, until the run is over. */
export async function writePrices(deps: WriterDeps): Promise<void> {
  const { shop, random } = deps;
  const write = createSender(deps);
  while (!deps.isOver()) {
    await deps.pace.turn();
    const product = random.chance(0.35) ? shop.priced[random.int(0, 3)] : random.pick(shop.priced);
    if (!product) continue;
    const variant = random.int(0, product.variantIds.length - 1);
    const amount = shop.nextAmount();
    await write({
      what: 'price',
      method: 'PATCH',
      path: `/v1/admin/variants/${product.variantIds[variant]}/price`,
      body: { currency, amount },
      product,
      change: { kind: 'price', variant, amount },
      read: ({ body }) => {
        const { version, slug } = JSON.parse(body) as { version: number; slug: string };
        return { version, shown: { slug } };
      },
    });
  }
}

/** Renames, archives, restores and creates products, until the run is over. Each change is one that cannot be void. */
export async function moveProducts(deps: WriterDeps): Promise<void> {
  const { shop, random } = deps;
  const write = createSender(deps);
  let created = 0;

  async function patch(product: Tracked, what: string, body: object, change: Change): Promise<boolean> {
    const path = `/v1/admin/products/${product.id}`;
    // A title of its own makes every write a change, whatever became of the one before, by whichever writer.
    const full = { ...body, title: shop.nextTitle(product) };
    return (await write({ what, method: 'PATCH', path, body: full, product, change, read: readProduct })) !== null;
  }

  async function rename(product: Tracked): Promise<void> {
    const slug = shop.nextSlug(product);
    shop.claim(slug, product);
    product.comingSlug = slug;
    const isDone = await patch(product, 'rename', { slug }, { kind: 'slug', slug });
    product.comingSlug = null;
    product.pastSlugs.push(isDone ? product.slug : slug);
    if (isDone) product.slug = slug;
  }

  async function toggle(product: Tracked): Promise<void> {
    const isActive = !product.isActive;
    const body = { status: isActive ? 'active' : 'archived' };
    if (await patch(product, isActive ? 'restore' : 'archive', body, { kind: 'status', isActive })) product.isActive = isActive;
  }

  async function create(): Promise<void> {
    created += 1;
    const product = shop.announce();
    const amounts = [shop.nextAmount(), shop.nextAmount()];
    product.isMoving = true;
    shop.movers.push(product);
    const body = newProduct(product.slug, amounts);
    const change: Change = { kind: 'create', slug: product.slug, amounts };
    const answer = await write({ what: 'create', method: 'POST', path: '/v1/admin/products', body, product, change, read: readProduct });
    if (!answer) return;
    const { id, variants } = JSON.parse(answer.body) as CreatedProduct;
    Object.assign(product, { id, variantIds: variants.map((variant) => variant.id), isMoving: false });
  }

  while (!deps.isOver()) {
    await deps.pace.turn();
    if (created < newProductsAtMost && random.chance(0.1)) {
      await create();
      continue;
    }
    const product = random.pick(shop.movers);
    if (product.isMoving) continue;
    product.isMoving = true;
    await (random.chance(0.5) ? rename(product) : toggle(product));
    product.isMoving = false;
  }
}

function readProduct({ body }: Answer): { version: number; shown: Shown } {
  const { version, slug, status, variants } = JSON.parse(body) as CreatedProduct;
  return { version, shown: { slug, isActive: status === 'active', amounts: variants.map(({ price }) => price.amount) } };
}
