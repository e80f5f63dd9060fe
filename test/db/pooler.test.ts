import { createServer, type Server } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../src/db/client.js';
import { findBoundFault, isPooler, requireUtc } from '../../src/db/pooler.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { transaction } from '../../src/db/transaction.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { countStatements } from '../harness/statements.js';
import { readiness, until } from '../held-request.js';
import { startInstance } from '../week/instance.js';
import { dropSettings } from './dropping-pooler.js';

let test: Awaited<ReturnType<typeof createTestDatabase>>;
const open: Database[] = [];
const pooled = () => {
  const db = createDatabase({ url: test.url, max: 2, isPooled: true });
  open.push(db);
  return db;
};
const straight = (options = '') => {
  const db = createDatabase({ url: options === '' ? test.url : `${test.url}?options=${encodeURIComponent(options)}`, max: 2 });
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

  it('is known by settings that it takes and does not pass on', async () => {
    const pooler = await dropSettings(test.url);
    expect(await isPooler(pooler.url)).toBe(true);
    await pooler.close();
  });

  it('is seen neither in Postgres nor where nobody answers', async () => {
    expect(await isPooler(test.url)).toBe(false);
    expect(await isPooler(`${test.url}?options=${encodeURIComponent('-c work_mem=1MB')}`)).toBe(false);
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

describe('statements that nobody waits for any more', () => {
  it('are bounded by the settings of a connection that goes straight to Postgres', async () => {
    expect(await findBoundFault(straight())).toBeNull();
  });

  it('are told to run on where the settings do not come through or allow more time, with what to do, until the role has the bound', async () => {
    const role = new URL(test.url).username;
    expect(await findBoundFault(pooled())).toMatch(
      new RegExp(`^Postgres bounds no statement .* ALTER ROLE "${role}" SET statement_timeout = '900ms', then reconnect the pooler`),
    );
    expect(await findBoundFault(straight('-c statement_timeout=5000'))).toMatch(
      /^Postgres ends a statement after 5000 ms .* options in DATABASE_URL$/,
    );
    const client = new pg.Client({ connectionString: test.url });
    await client.connect();
    // Of the role, but in this database alone: the others of this run have the same one.
    await client.query(`ALTER ROLE "${role}" IN DATABASE ${client.database} SET statement_timeout = '900ms'`);
    await client.end();
    expect(await findBoundFault(pooled())).toBeNull();
  });

  it('are warned of in the log of a start behind a pooler, and of no other', async () => {
    const other = await createTestDatabase();
    const pooler = await dropSettings(other.url);
    const [behind, direct] = await Promise.all([startInstance(pooler.url), startInstance(other.url)]);
    for (const server of [behind, direct])
      await until(
        () => readiness(server.url),
        ({ status }) => status === 'ready',
      );
    expect(behind.log()).toMatch(/"level":40,.*Postgres bounds no statement .* SET statement_timeout/);
    expect(direct.log()).not.toContain('statement_timeout');
    for (const server of [behind, direct]) server.kill();
    await Promise.all([behind.ended, direct.ended]);
    await pooler.close();
    await other.drop();
  });
});
