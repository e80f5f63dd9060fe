import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import type { ProductDocument } from '../../src/catalog/ports.js';
import type { ProductRecord } from '../../src/catalog/product.js';
import type { ProductState } from '../../src/catalog/product-state.js';
import { createDatabase } from '../../src/db/client.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';

const server = 'postgres://postgres@127.0.0.1:55432';

async function createEmptyDatabase() {
  const name = `dbroom_${randomUUID().replaceAll('-', '')}`;
  const admin = new pg.Client({ connectionString: `${server}/postgres` });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const url = `${server}/${name}`;
  const migrated = new pg.Client({ connectionString: url });
  await migrated.connect();
  for (const folder of readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    await migrated.query(readFileSync(`prisma/migrations/${folder.name}/migration.sql`, 'utf8'));
  }
  await migrated.end();
  return {
    url,
    drop: async () => {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}

/** A migrated, empty catalog of its own and the ports over it. */
export async function openCatalog() {
  const { url, drop } = await createEmptyDatabase();
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
