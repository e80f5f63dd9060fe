import { setTimeout as sleep } from 'node:timers/promises';
import type { Slot } from '../truth/fleet.js';
import { type Connection, createConnection, requestText } from '../truth/http-connection.js';
import { createPace } from '../truth/pace.js';
import type { Random } from '../truth/random.js';
import type { Shop } from '../truth/shop.js';

export interface ExtraCounts {
  unknown: number;
  stock: number;
  imports: number;
  other: number;
  /** Answers of 500. */
  broken: string[];
}

const importEveryMs = 5_000;
const productsPerImport = 20;

/**
 * What the truth run does not ask for, because there is nothing in it to judge: slugs that nobody has, each once, so that whatever is kept of one
 * piles up; stock that does not flip; small imports of drafts; categories, OpenAPI, the reports of the admin.
 */
export function startExtraLoad(deps: { slots: readonly Slot[]; shop: Shop; random: Random; adminKey: string; perSecond: number }) {
  const { slots, shop, random, adminKey } = deps;
  const admin = { authorization: `Bearer ${adminKey}` };
  const counts: ExtraCounts = { unknown: 0, stock: 0, imports: 0, other: 0, broken: [] };
  const pace = createPace(deps.perSecond);
  let isOver = false;
  let made = 0;

  async function ask(connections: Map<Slot, Connection>, slot: Slot, text: string): Promise<void> {
    const connection = connections.get(slot) ?? createConnection(slot.port);
    connections.set(slot, connection);
    const answer = await connection.send(text, 8_000).catch(() => null);
    if (answer?.status === 500) counts.broken.push(`${text.slice(0, text.indexOf('\r\n'))}: ${answer.body.slice(0, 200)}`);
  }

  function next(): string {
    const draw = random.next();
    if (draw < 0.5) {
      counts.unknown += 1;
      return requestText('GET', `/v1/products/nobody-${++made}-${random.int(0, 1e9)}`);
    }
    if (draw < 0.75) {
      counts.stock += 1;
      // Always some left: a product that runs out is another version, of which the judge knows nothing.
      const quantity = random.int(1, 1_000);
      return requestText('PUT', `/v1/admin/inventory/${random.pick(random.pick(shop.steady).variantIds)}`, admin, { quantity });
    }
    counts.other += 1;
    const paths = [
      '/v1/categories',
      '/v1/admin/cache',
      '/v1/admin/price-writes',
      `/v1/products?q=nobody-${++made}`,
      '/health/ready',
      '/nowhere',
      '/v1/products?x=1',
    ];
    return requestText('GET', random.pick(paths), admin);
  }

  async function ordinary(): Promise<void> {
    const connections = new Map<Slot, Connection>();
    while (!isOver) {
      await pace.turn();
      const up = slots.filter((slot) => slot.isUp());
      if (up.length === 0) await sleep(100);
      else await ask(connections, random.pick(up), next());
    }
    for (const connection of connections.values()) connection.close();
  }

  async function importing(): Promise<void> {
    for (let round = 0; !isOver; round += 1) {
      const lines = Array.from({ length: productsPerImport }, (_, i) => `soak-${i},Soak ${i},draft,${round + i}.00`);
      const file = `Handle,Title,Status,Variant Price\n${lines.join('\n')}\n`;
      const slot = slots.find((one) => one.isUp());
      const url = `http://127.0.0.1:${slot?.port}/v1/admin/imports?format=shopify&currency=USD`;
      const headers = { ...admin, 'content-type': 'text/csv' };
      const answer = await fetch(url, { method: 'POST', headers, body: file, signal: AbortSignal.timeout(10_000) }).catch(() => null);
      await answer?.text().catch(() => '');
      if (answer?.status === 202) counts.imports += 1;
      if (answer?.status === 500) counts.broken.push('POST /v1/admin/imports');
      for (const until = performance.now() + importEveryMs; performance.now() < until && !isOver; ) await sleep(100);
    }
  }

  const working = [ordinary(), ordinary(), importing()];
  return {
    counts,
    async stop() {
      isOver = true;
      await Promise.all(working);
    },
  };
}
