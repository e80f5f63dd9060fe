import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';
import type { Edit } from '../sabotage/edit.js';
import { startInstance } from './instance.js';
import { type Answer, politely, send, setPrice, stock, untilHit } from './shopper.js';

/** Of the ten connections of an instance three are for changes. */
const impatient = 12;
const changes = 20;

describe('a product whose row somebody holds, while twelve programs go on changing its prices and its stock', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let operator: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await database.drop();
  });

  /** What the twelve were answered, and what was said to a feed with a key of the database that changes another product meanwhile, with its longest wait. */
  async function changeAnother(name: string, edits: readonly Edit[]) {
    const server = await startInstance(database.url, {}, { edits });
    let isOver = false;
    let crowd: Promise<void>[] = [];
    try {
      const [locked, other] = await stock(server, name, 2);
      if (!locked || !other) throw new Error('nothing was stocked');
      await Promise.all([untilHit(server, locked.slug), untilHit(server, other.slug)]);
      const key = await send('POST', `${server.url}/v1/admin/keys`, { name: 'Price feed', scopes: ['prices:write'] }, asAdmin);
      const asFeed = { authorization: `Bearer ${(key.body as { key?: string }).key}` };
      await operator.query('BEGIN');
      await operator.query('SELECT FROM product WHERE id = $1 FOR UPDATE', [locked.id]);
      const refusals: Answer[] = [];
      const setStock = (quantity: number) => send('PUT', `${server.url}/v1/admin/inventory/${locked.variantId}`, { quantity }, asAdmin);
      crowd = Array.from({ length: impatient }, async (_, i) => {
        while (!isOver) refusals.push(await (i % 3 === 0 ? setStock(i) : setPrice(server, locked.variantId, 5000 + i)));
      });
      await until(
        async () => refusals.length,
        (count) => count >= impatient,
      );
      const statuses = new Set<number>();
      let longestMs = 0;
      for (let amount = 1; amount <= changes && !statuses.has(503); amount += 1) {
        const startedAt = performance.now();
        const path = `${server.url}/v1/admin/variants/${other.variantId}/price`;
        statuses.add((await send('PATCH', path, { currency: 'USD', amount }, asFeed)).status);
        longestMs = Math.max(longestMs, performance.now() - startedAt);
      }
      isOver = true;
      await Promise.all(crowd);
      await operator.query('ROLLBACK');
      const after = await until(
        () => setPrice(server, locked.variantId, 9000),
        ({ status }) => status === 200,
      );
      return { statuses: [...statuses], longestMs, refusals, after: after.status };
    } finally {
      isOver = true;
      await operator.query('ROLLBACK');
      await Promise.all(crowd);
      server.kill();
      await server.ended;
    }
  }

  it('stops no change of another product and no look-up of a key, refuses its own in time, and can be changed when it is free', async () => {
    const { statuses, longestMs, refusals, after } = await changeAnother('locked', []);
    expect(statuses).toEqual([200]);
    expect(longestMs).toBeLessThan(900);
    for (const refusal of refusals) expect(refusal).toMatchObject({ ...politely, code: expect.stringMatching(/^(busy|write_outcome_unknown)$/) });
    expect(after).toBe(200);
  });

  it('stops the changes of other products, where each of its own takes a connection to wait with', async () => {
    const edit = { file: 'src/db/product-turns.ts', from: 'await take(product);', to: '' };
    const { statuses } = await changeAnother('unlined', [edit]);
    expect(statuses).toContain(503);
  });
});
