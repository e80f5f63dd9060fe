import { randomUUID } from 'node:crypto';
import type { ProductDocument } from '../../src/catalog/ports.js';
import type { ProductRecord } from '../../src/catalog/product.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { createDatabase } from '../../src/db/client.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

/** A migrated, empty catalog of its own and the ports over it. */
export async function openCatalog() {
  const { url, drop } = await createTestDatabase();
  const db = createDatabase({ url, max: 6 });
  const reads = createProductReads(db);
  const writes = createProductWrites(db);
  return {
    url,
    db,
    reads,
    writes,
    save: (...states: ProductState[]) => writes.transaction((tx) => tx.save(states, randomUUID())),
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
