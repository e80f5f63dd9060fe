import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../src/db/client.js';
import { createLongQuery, createPoolQuery, type Query } from '../../src/db/statement.js';
import { type TransactionBounds, transaction } from '../../src/db/transaction.js';
import { createDatabase as createTestDatabase } from '../harness/database.js';

let made: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
let watch: Database;
beforeAll(async () => {
  made = await createTestDatabase();
  db = createDatabase({ url: made.url, max: 1 });
  watch = createDatabase({ url: made.url, max: 1, applicationName: 'watch' });
});
afterAll(async () => {
  await Promise.all([db.close(), watch.close()]);
  await made.drop();
});

const backend = async (query: Query) => (await query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' }, []))[0]?.pid;
const sleep = (query: Query, seconds: number) => query({ text: 'SELECT pg_sleep($1)' }, [seconds]);
const working = async () =>
  (
    await watch.pool.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'truetag' AND datname = current_database() AND state = 'active'`,
    )
  ).rows;

/** How a statement ends that takes too long: after how many ms, and whether the server goes on with it. */
async function giveUp(query: Query) {
  const before = await backend(query);
  const began = performance.now();
  await expect(sleep(query, 20)).rejects.toMatchObject({ code: 'database_unavailable', cause: { code: '57014' } });
  const ms = performance.now() - began;
  expect(await working()).toEqual([]);
  expect(await backend(query)).toBe(before);
  return ms;
}

describe('a read that takes too long', () => {
  it('is ended by the server before its reader gives it up, and keeps its connection', async () => {
    expect(await giveUp(createPoolQuery(db.pool))).toBeLessThan(1000);
  });

  it('has the time that it is given, where that is more', async () => {
    const query = createLongQuery(db.pool, 2000);
    await sleep(query, 1.2);
    expect(await giveUp(query)).toBeLessThan(2000);
    expect(await backend(createPoolQuery(db.pool))).toBe(await backend(query));
  });

  it('has five seconds in a transaction, and less where somebody waits for that', async () => {
    const allowed = async (bounds?: TransactionBounds) =>
      (await transaction(db.pool, (query) => query({ text: `SELECT current_setting('statement_timeout') AS ms` }, []), bounds)).value;
    expect(await allowed()).toEqual([{ ms: '5s' }]);
    expect(await allowed({ answerMs: 2000, idleMs: 3000 })).toEqual([{ ms: '1900ms' }]);
    expect((await db.pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '900ms' }]);
  });
});
