import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportedProduct, ImportItem } from '../../src/catalog/import.js';
import { createImportService } from '../../src/catalog/import-service.js';
import { writeErrors } from '../../src/catalog/write-attempt.js';
import { readCatalogId } from '../../src/db/catalog-id.js';
import { createDatabase, type Database } from '../../src/db/client.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createWriteSteps } from '../../src/db/truth-steps.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

let made: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
let rival: pg.Client;
let watch: pg.Client;
beforeAll(async () => {
  made = await createTestDatabase();
  db = createDatabase({ url: made.url, max: 2, applicationName: 'importing' });
  rival = new pg.Client({ connectionString: made.url });
  watch = new pg.Client({ connectionString: made.url });
  await Promise.all([rival.connect(), watch.connect()]);
});
afterAll(async () => {
  await Promise.all([rival.end(), watch.end()]);
  await db.close();
  await made.drop();
});

/** Imports over the real database, with nobody to wait for. `afterCommit`: what becomes of each answer, by the count of the write. */
async function openImports(afterCommit: (write: number) => void = () => {}) {
  const catalogId = await readCatalogId(db);
  const steps = createWriteSteps(db, catalogId);
  let writes = 0;
  return createImportService({
    reads: createProductReads(db),
    writes: createProductWrites(db, catalogId),
    cache: {
      async write(_row, plan) {
        const token = randomUUID();
        const planned = await plan({ token, writer: randomUUID() });
        if ('refused' in planned) throw planned.refused;
        const { keys, commit } = planned;
        const unique = [...new Set(keys)];
        const pair = await steps.arm(token, unique, randomUUID());
        try {
          const { value } = await commit({ token, keyCount: unique.length, pair, readers: Promise.resolve() });
          afterCommit(++writes);
          const at = 0;
          return { value, trace: { token, startedAt: at, armedAt: at, acks: [], passedAt: at, committedAt: at, ackWaitMs: 0 } };
        } catch (error) {
          await steps.release(token);
          throw error;
        }
      },
    },
    now: () => new Date(),
  });
}

function item(slug: string, amount: number): ImportItem {
  const product: ImportedProduct = {
    ...{
      line: 2,
      slug,
      title: slug,
      description: '',
      brand: null,
      status: 'active',
      categories: [],
      tags: [],
      options: [],
      attributes: {},
      media: [],
    },
    pricesCover: 'USD',
    variants: [
      {
        ...{ sku: null, barcode: null, title: 'Default Title', options: {}, position: 1, quantity: 1, policy: 'deny' },
        prices: [{ currency: 'USD', amount, compareAt: null }],
      },
    ],
  };
  return { product };
}

async function* file(...items: ImportItem[]) {
  yield* items;
}

const waiting = async () =>
  (
    await watch.query(
      `SELECT query_start FROM pg_stat_activity WHERE application_name = 'importing' AND datname = current_database() AND wait_event_type = 'Lock'`,
    )
  ).rows.map((row) => String(row.query_start.getTime()));

describe('an import beside another writer', () => {
  it('does a chunk again whose lock did not come free, and counts it once', async () => {
    const imports = await openImports();
    await imports.run(file(item('locked', 100)), { isDryRun: false });
    await rival.query(`BEGIN; SELECT FROM product WHERE slug = 'locked' FOR UPDATE`);
    const running = imports.run(file(item('locked', 200), item('free', 100)), { isDryRun: false });
    // The first attempt waits a second and is refused; then there is a second one, which is let through.
    await expect.poll(waiting, { timeout: 5000, interval: 20 }).toHaveLength(1);
    const [first] = await waiting();
    await expect.poll(async () => (await waiting()).filter((at) => at !== first), { timeout: 10_000, interval: 20 }).toHaveLength(1);
    await rival.query('ROLLBACK');
    expect((await running).products).toEqual({ created: 1, updated: 1, unchanged: 0, failed: 0 });
  });
});

describe('a chunk whose outcome was lost', () => {
  it('counts as what it did, and is not done twice', async () => {
    const slug = (place: number) => `lost-${place}`;
    await (await openImports()).run(file(item(slug(1), 100), item(slug(2), 100)), { isDryRun: false });
    const lossy = await openImports((write) => (write === 1 ? lose() : undefined));
    const report = await lossy.run(file(item(slug(1), 100), item(slug(2), 200), item(slug(3), 100)), { isDryRun: false });
    expect(report.products).toEqual({ created: 1, updated: 1, unchanged: 1, failed: 0 });
    const { rows } = await rival.query('SELECT slug, version::int FROM product WHERE slug = ANY ($1) ORDER BY slug', [[1, 2, 3].map(slug)]);
    expect(rows.map(({ version }) => version)).toEqual([1, 2, 1]);
  });

  function lose(): never {
    throw writeErrors.unknown();
  }
});
