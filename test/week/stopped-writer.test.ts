import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import type { Edit } from '../sabotage/edit.js';
import { failPointEdits } from '../sabotage/fail-points.js';
import { startInstance } from './instance.js';
import { setPrice, stock, untilHit } from './shopper.js';

const leaseMs = 2000;
/** Longer than anybody would wait. */
const stoppedMs = 8000;

describe('a process that is stopped in the middle of a price change', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  /** What another instance is answered that changes the same price meanwhile, and after how many ms. */
  async function changeAfter(point: string, edits: readonly Edit[] = []) {
    const settings = { LEASE_MS: String(leaseMs) };
    let reached = () => {};
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const stopped = await startInstance(database.url, settings, { edits: [...failPointEdits(), ...edits], onHit: () => reached() });
    const other = await startInstance(database.url, settings, { edits });
    try {
      const [product] = await stock(other, `${point}-${edits.length}`.toLowerCase(), 1);
      if (!product) throw new Error('nothing was stocked');
      await Promise.all([untilHit(stopped, product.slug), untilHit(other, product.slug)]);
      stopped.order({ order: 'arm', point, action: 'stop', ms: stoppedMs });
      const given = setPrice(stopped, product.variantId, 2000).catch(() => {});
      await isReached;
      const startedAt = performance.now();
      const { status } = await setPrice(other, product.variantId, 3000);
      const ms = performance.now() - startedAt;
      stopped.kill();
      await given;
      return { status, ms };
    } finally {
      for (const server of [stopped, other]) server.kill();
      await Promise.all([stopped.ended, other.ended]);
    }
  }

  it.each(['B-open', 'B-before-commit'])('at %s keeps another from changing the product no longer than a lease, and a tenth', async (point) => {
    const { status, ms } = await changeAfter(point);
    expect(status).toBe(200);
    expect(ms).toBeLessThan(1.1 * leaseMs + 500);
  });

  it('would have it refused if its locks stood as long as those of an import', async () => {
    const patient = { file: 'src/db/product-writes.ts', from: 'idleMs: 1000', to: 'idleMs: 3000' };
    expect((await changeAfter('B-open', [patient])).status).toBe(503);
  });
});
