import { createServer, type Server } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database, isPooler, requireUtc } from '../../src/db/client.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { transaction } from '../../src/db/transaction.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { countStatements } from '../harness/statements.js';

let test: Awaited<ReturnType<typeof createTestDatabase>>;
const open: Database[] = [];
const pooled = () => {
  const db = createDatabase({ url: test.url, max: 2, isPooled: true });
  open.push(db);
  return db;
};

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(async () => {
  for (const db of open) await db.close();
  await test.drop();
});

/** Refuses start-up settings, in the words of PgBouncer. */
async function servePooler(): Promise<{ url: string; server: Server }> {
  const fields = ['SFATAL', 'C08P01', 'Munsupported startup parameter: options'].map((field) => `${field}\0`).join('');
  const body = Buffer.from(`${fields}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([head, body])));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `postgres://shop@127.0.0.1:${port}/shop`, server };
}

describe('a pooler', () => {
  it('is known by its refusal of start-up settings', async () => {
    const { url, server } = await servePooler();
    expect(await isPooler(url)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is seen neither in Postgres nor where nobody answers', async () => {
    expect(await isPooler(test.url)).toBe(false);
    expect(await isPooler(`postgres://shop@127.0.0.1:${await freePort()}/shop`)).toBe(false);
  });
});

describe('a database behind a pooler', () => {
  it('is asked without start-up settings and without named statements, in reads, transactions and Prisma', async () => {
    const statements = countStatements();
    try {
      const db = pooled();
      await createProductReads(db).versions(['slug:lamp']);
      await transaction(db.pool, (query) => query({ name: 'a_name', text: 'SELECT $1::int AS one' }, [1]));
      await db.prisma.catalog.findFirst();
      expect(statements.of('')).toBe(0);
      const { rows } = await db.pool.query<{ options: string }>(`SELECT current_setting('statement_timeout') AS options`);
      expect(rows[0]?.options).toBe('0');
    } finally {
      statements.stop();
    }
  });

  it('is refused in another time zone than UTC, with what to do', async () => {
    await requireUtc(pooled());
    const client = new pg.Client({ connectionString: test.url });
    await client.connect();
    await client.query(`ALTER DATABASE ${client.database} SET timezone TO 'Europe/Berlin'`);
    await client.end();
    await expect(requireUtc(pooled())).rejects.toThrow(/Europe\/Berlin.*ALTER ROLE/);
  });
});
