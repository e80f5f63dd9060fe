import { setTimeout as sleep } from 'node:timers/promises';
import type { Violation } from './history.js';
import { type CreatedProduct, createShop, newProduct, type Shop } from './shop.js';

const productCount = 48;
const moverCount = 8;
const createdWithinMs = 30_000;

/** Creates the products of a run through the API of one instance, before anything is measured. */
export async function stockShop(port: number, adminKey: string, onViolation: (violation: Violation) => void): Promise<Shop> {
  const created: CreatedProduct[] = [];
  const deadline = performance.now() + createdWithinMs;
  for (let i = 1; i <= productCount; i += 1) {
    const body = JSON.stringify(newProduct(`truth-${i}`, [10_000 + 2 * i, 10_001 + 2 * i]));
    created.push(await create(`http://127.0.0.1:${port}/v1/admin/products`, body, adminKey, deadline));
  }
  return createShop(created, moverCount, onViolation);
}

/** An instance that has just joined may ask for patience. */
async function create(url: string, body: string, adminKey: string, deadline: number): Promise<CreatedProduct> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    if (answer.status === 201) return JSON.parse(text) as CreatedProduct;
    if (answer.status !== 503 || performance.now() > deadline) throw new Error(`a product could not be created: ${answer.status} ${text}`);
    await sleep(100);
  }
}
