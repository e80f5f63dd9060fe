import { randomUUID } from 'node:crypto';
import type { Armed } from '../../src/cache/truth-ports.js';
import type { ProductDocument, ProductTransaction } from '../../src/catalog/ports.js';
import type { ProductRecord } from '../../src/catalog/product.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { keysOf } from '../../src/catalog/write-keys.js';
import { createDatabase } from '../../src/db/client.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createWriteSteps } from '../../src/db/truth-steps.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

/** A migrated, empty catalog of its own and the ports over it. Nobody holds a lease on it, so that no write waits for readers. */
export async function openCatalog() {
  const { url, drop } = await createTestDatabase();
  const db = createDatabase({ url, max: 6 });
  const catalogId = randomUUID();
  const reads = createProductReads(db);
  const writes = createProductWrites(db, catalogId);
  const steps = createWriteSteps(db, catalogId);

  /** W1 for these keys. */
  async function arm(...keys: string[]): Promise<Armed> {
    const token = randomUUID();
    const unique = [...new Set(keys)];
    return { token, keyCount: unique.length, pair: await steps.arm(token, unique, randomUUID()), readers: Promise.resolve() };
  }

  /** W1 and W4. Gives what `work` gives. */
  async function write<T>(keys: string[], work: (tx: ProductTransaction, token: string) => Promise<T>): Promise<T> {
    const armed = await arm(...keys);
    const { value } = await writes.transaction(armed, async (tx) => ({ value: await work(tx, armed.token), documents: [] }));
    return value;
  }

  /** A write of a product that stands, under the slug it has. */
  async function change<T>(id: string, work: (tx: ProductTransaction, token: string) => Promise<T>): Promise<T> {
    const stands = (await reads.versions([`id:${id}`])).get(`id:${id}`);
    return write(stands ? [`id:${id}`, `slug:${stands.slug}`] : [`id:${id}`], work);
  }

  return {
    url,
    db,
    catalogId,
    reads,
    writes,
    steps,
    arm,
    write,
    change,
    async save(...states: ProductState[]): Promise<ProductDocument[]> {
      const stands = await reads.statesOf({ ids: states.map(({ id }) => id), slugs: [] });
      const keys = states.flatMap((state) =>
        keysOf(
          state,
          stands.find(({ id }) => id === state.id),
        ),
      );
      return write(keys, (tx, token) => tx.save(states, token));
    },
    stateOf: async (id: string) => (await reads.state(id))?.state,
    rows: async (sql: string, values: unknown[] = []) => (await db.pool.query(sql, values)).rows,
    close: async () => {
      await db.close();
      await drop();
    },
  };
}

export type Catalog = Awaited<ReturnType<typeof openCatalog>>;

export function recordOf(document: ProductDocument | undefined): ProductRecord {
  if (!document) throw new Error('there is no such document');
  return JSON.parse(document.json);
}
