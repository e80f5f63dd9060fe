import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../src/db/client.js';
import { createImportJobs } from '../../src/db/import-jobs.js';
import { createProductReads } from '../../src/db/product-reads.js';
import { createProductWrites } from '../../src/db/product-writes.js';
import { armedTransaction, openBehind, transaction } from '../../src/db/transaction.js';
import { createWriteSteps } from '../../src/db/truth-steps.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product, usd, variant } from './sample-product.js';

let catalog: Catalog;
const closing: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  catalog = await openCatalog();
  await catalog.rows('CREATE TABLE note (text text)');
});
afterAll(() => catalog.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const insert = { text: 'INSERT INTO note VALUES ($1)' };
const notes = async (text: string) => (await catalog.rows('SELECT text FROM note WHERE text = $1', [text])).length;

function open(url: string): Database {
  const db = createDatabase({ url, max: 2 });
  closing.push(() => db.close());
  return db;
}

/**
 * A way to the database that can begin to swallow what the client sends, end with the first COMMIT, before or after passing it on, or make every
 * BEGIN unreadable.
 */
async function openProxy(fault: 'pass' | 'cut-before' | 'cut-after' | 'spoil-begin' = 'pass') {
  const target = new URL(catalog.url);
  const sockets = new Set<Socket>();
  const proxy = { isSilent: false, url: '' };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.on('data', (bytes) => {
      if (proxy.isSilent) return;
      if (fault.startsWith('cut') && bytes.includes('COMMIT\0')) {
        // The reply must not get through; what was passed on before the cut arrives.
        client.destroy();
        if (fault === 'cut-after') upstream.end(bytes);
        else upstream.destroy();
        return;
      }
      upstream.write(fault === 'spoil-begin' ? Buffer.from(bytes.toString('latin1').replace('BEGIN ', 'BEGUN '), 'latin1') : bytes);
    });
    upstream.on('data', (bytes) => void (client.destroyed || client.write(bytes)));
    client.on('close', () => fault === 'cut-after' || upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = Object.assign(new URL(catalog.url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href;
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}

describe('every transaction of a write', () => {
  it('waits for the disk and bounds its waits, whatever the session says', async () => {
    const url = new URL(catalog.url);
    url.searchParams.set('options', '-c synchronous_commit=off -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c statement_timeout=0');
    const db = open(url.href);
    const names = ['synchronous_commit', 'lock_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout'];
    const shown = { text: `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join()}` };
    const bounded = { synchronous_commit: 'on', lock_timeout: '1s', idle_in_transaction_session_timeout: '3s', statement_timeout: '5s' };
    const armed = { ...(await catalog.arm('id:00000000-0000-7000-8000-000000000001')), channel: 'channel' };
    expect((await armedTransaction(db.pool, armed, (query) => query(shown, []))).value).toEqual([bounded]);
    expect((await transaction(db.pool, (query) => query(shown, []))).value).toEqual([bounded]);
    expect((await db.pool.query(shown)).rows[0].synchronous_commit).toBe('off');
    // Begun with what arms it: the lock of the product is asked for briefly, and all that comes after as anywhere else.
    const nothing = { statement: { name: 'nothing', text: 'SELECT 1 AS one' }, values: [] };
    const lead = { token: randomUUID(), keyCount: 1, calls: [nothing, nothing], lockMs: 7, onAnswer() {} } as const;
    const { value, rollback } = await openBehind(db.pool, lead, (query) => query(shown, []), { answerMs: 6000, idleMs: 3000 });
    await rollback();
    expect(value).toEqual([bounded]);
  });
});

describe('a transaction', () => {
  it('commits what it did and rolls back what threw', async () => {
    const { pool } = catalog.db;
    const kept = transaction(pool, (query) => query(insert, ['kept']).then(() => 'result'));
    expect(await kept).toEqual({ value: 'result', isKnown: true });
    const fault = new Error('changed my mind');
    await expect(transaction(pool, (query) => query(insert, ['dropped']).then(() => Promise.reject(fault)))).rejects.toBe(fault);
    expect([await notes('kept'), await notes('dropped')]).toEqual([1, 0]);
  });

  it('is over, too, where its work throws before it has asked for anything', async () => {
    const db = open(catalog.url);
    const fault = new Error('before anything');
    const ended = transaction(db.pool, () => {
      throw fault;
    });
    await expect(ended).rejects.toBe(fault);
    // On the same connection: within a transaction that was left open, nobody else would see it.
    await db.pool.query(insert.text, ['after a throw']);
    expect([await notes('after a throw'), db.pool.totalCount]).toEqual([1, 1]);
  });

  it('keeps its connection after an expected fault', async () => {
    const db = open(catalog.url);
    const backend = async () => (await db.pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const before = await backend();
    await expect(transaction(db.pool, (query) => query({ text: 'SELECT $1::uuid' }, ['no-uuid']))).rejects.toMatchObject({ code: 'unusable' });
    expect(await backend()).toBe(before);
  });

  it('does not call itself done where a failed statement was passed over', async () => {
    const passedOver = transaction(catalog.db.pool, async (query) => {
      await query(insert, ['half']);
      await query({ text: 'SELECT 1 / $1::int' }, [0]).catch(() => {});
    });
    await expect(passedOver).rejects.toThrow('rolled back');
    expect(await notes('half')).toBe(0);
  });

  it('that may not begin says why, reads nothing and leaves its connection as it was', async () => {
    const db = open(catalog.url);
    const backend = async () => (await db.pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const before = await backend();
    const armed = { token: randomUUID(), keyCount: 1, pair: 'none', channel: 'nobody', readers: Promise.resolve() };
    const isNotArmed = { code: 'busy', message: expect.stringContaining('took too long') };
    const seen: unknown[] = [];
    const ended = armedTransaction(db.pool, armed, async (_, ahead) => seen.push(await ahead({ name: 'one', text: 'SELECT 1 AS one' }, [])));
    await expect(ended).rejects.toMatchObject(isNotArmed);
    const passedOver = armedTransaction(db.pool, armed, async (query, ahead) => {
      await ahead({ name: 'one', text: 'SELECT 1 AS one' }, []).catch((error: unknown) => seen.push(error));
      await query(insert, ['without a beginning']);
    });
    await expect(passedOver).rejects.toMatchObject(isNotArmed);
    expect(seen).toEqual([expect.objectContaining(isNotArmed)]);
    expect(await notes('without a beginning')).toBe(0);
    expect([await backend(), db.pool.totalCount]).toEqual([before, 1]);
  });

  it('writes nothing where even BEGIN fails', async () => {
    const db = open((await openProxy('spoil-begin')).url);
    await expect(transaction(db.pool, (query) => query(insert, ['alone']))).rejects.toThrow('syntax error');
    expect(await notes('alone')).toBe(0);
  });

  it('answers what was sent in one go in order, and the first failure ends it', async () => {
    const { pool } = catalog.db;
    const counted = transaction(pool, (query, read) =>
      Promise.all([
        read({ text: 'SELECT count(*)::int AS n FROM note WHERE text = $1' }, ['in one go']),
        query(insert, ['in one go']),
        query({ text: 'SELECT count(*)::int AS n FROM note WHERE text = $1' }, ['in one go']),
      ]),
    );
    expect((await counted).value).toEqual([[{ n: 0 }], [], [{ n: 1 }]]);
    const failed = transaction(pool, (query) => Promise.all([query({ text: 'SELECT $1::uuid' }, ['no-uuid']), query(insert, ['after a failure'])]));
    await expect(failed).rejects.toMatchObject({ code: 'unusable' });
    expect(await notes('after a failure')).toBe(0);
  });

  it('gives up a lock that does not come free within a second', async () => {
    const state = product('locked');
    await catalog.save(state);
    const holder = new pg.Client({ connectionString: catalog.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM product WHERE id = $1 FOR UPDATE', [state.id]);
    const began = performance.now();
    await expect(catalog.change(state.id, async () => {})).rejects.toMatchObject({ code: 'busy' });
    expect(performance.now() - began).toBeLessThan(2000);
    await holder.end();
  });

  it('is database_unavailable where the connection is lost before COMMIT, also between two statements', async () => {
    const db = open(catalog.url);
    const lost = transaction(db.pool, async (query) => {
      await query(insert, ['lost']);
      const [own] = await query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' }, []);
      await catalog.rows('SELECT pg_terminate_backend($1, 1000)', [own?.pid]);
    });
    await lost.then(
      ({ isKnown }) => expect(isKnown).toBe(false),
      ({ code }) => expect(code).toBe('database_unavailable'),
    );
    const during = transaction(db.pool, (query) => query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' }, []));
    await expect(during).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await notes('lost')).toBe(0);
    expect((await db.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it.each([
    ['cut-before', 0],
    ['cut-after', 1],
  ] as const)('is not known to stand where COMMIT gets no answer: %s', async (commit, stands) => {
    const db = open((await openProxy(commit)).url);
    expect(await transaction(db.pool, (query) => query(insert, [commit]))).toMatchObject({ isKnown: false });
    await expect.poll(() => notes(commit), { timeout: 2000 }).toBe(stands);
  });

  it.each([
    ['cut-before', false],
    ['cut-after', true],
  ] as const)('of documents is not known to stand either, and the search for its outcome tells: %s', async (commit, isCommitted) => {
    const state = product(`lost-${commit}`, { variants: [variant({ prices: [usd(1)] })] });
    await catalog.save(state);
    const proxied = createProductWrites(open((await openProxy(commit)).url), catalog.catalogId);
    const armed = await catalog.arm(`id:${state.id}`, `slug:${state.slug}`);
    const written = proxied.transaction(armed, async (tx) => {
      const { document } = await tx.setPrice(state.variants[0]?.id ?? '', usd(2), armed.token);
      return { value: null, documents: [document] };
    });
    expect(await written).toMatchObject({ isKnown: false, documents: [{ id: state.id, version: 2, token: armed.token }] });
    expect(await catalog.steps.findOutcome(armed.token)).toBe(isCommitted);
    expect((await catalog.stateOf(state.id))?.variants[0]?.prices).toEqual([usd(isCommitted ? 2 : 1)]);
  });

  it('of a stock alone says so where its end is not known', async () => {
    const state = product('lost-stock', { variants: [variant({ quantity: 2 })] });
    await catalog.save(state);
    const proxied = createProductWrites(open((await openProxy('cut-after')).url), catalog.catalogId);
    await expect(proxied.setStock(state.variants[0]?.id ?? '', 1)).rejects.toMatchObject({ code: 'write_outcome_unknown' });
    await expect.poll(async () => (await catalog.stateOf(state.id))?.variants[0]?.quantity, { timeout: 2000 }).toBe(1);
  });
});

describe('a database that is away', () => {
  const prismaRead = (db: ReturnType<typeof open>) => createImportJobs(db).find(crypto.randomUUID());
  const nowhere = { token: randomUUID(), keyCount: 0, pair: 'none', readers: Promise.resolve() };

  it.each(['postgres://nobody@127.0.0.1:1/nothing', 'postgres://nobody@localhost:1/nothing'])(
    'is database_unavailable at once where it refuses: %s',
    async (url) => {
      const db = open(url);
      const reads = createProductReads(db);
      const faults = [
        reads.versions(['slug:a']),
        createProductWrites(db, nowhere.token).transaction(nowhere, async () => ({ value: 1, documents: [] })),
        createWriteSteps(db, nowhere.token).arm(nowhere.token, [], nowhere.token),
        createWriteSteps(db, nowhere.token).findOutcome(nowhere.token),
        prismaRead(db),
        reads.documents([crypto.randomUUID()]),
      ];
      for (const fault of await Promise.allSettled(faults))
        expect(fault).toMatchObject({ status: 'rejected', reason: { code: 'database_unavailable' } });
    },
  );

  it('is database_unavailable within two seconds where it accepts and never answers', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    closing.push(() => void server.close());
    const db = open(`postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/nothing`);
    const began = performance.now();
    const faults = await Promise.allSettled([
      createProductReads(db).versions(['slug:a']),
      createProductWrites(db, nowhere.token).transaction(nowhere, async () => ({ value: 1, documents: [] })),
      createWriteSteps(db, nowhere.token).findOutcome(nowhere.token),
      prismaRead(db),
    ]);
    for (const fault of faults) expect(fault).toMatchObject({ reason: { code: 'database_unavailable' } });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  /** Two connections wait in the pool, on which nothing arrives any more. */
  async function openSilent() {
    const proxy = await openProxy();
    const db = open(proxy.url);
    const reads = createProductReads(db);
    await Promise.all([reads.versions(['slug:a']), reads.versions(['slug:b'])]);
    expect(db.pool.idleCount).toBe(2);
    proxy.isSilent = true;
    return { proxy, db, reads };
  }

  it('costs one timeout, not one for every idle connection, where the network swallows packets', async () => {
    const { proxy, reads } = await openSilent();
    const began = performance.now();
    await expect(reads.versions(['slug:a'])).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(performance.now() - began).toBeLessThan(1500);
    proxy.isSilent = false;
    expect((await reads.versions(['slug:a'])).size).toBe(0);
    expect(performance.now() - began).toBeLessThan(1900);
  });

  it('is the same for a transaction: it leaves no connection that waits in the pool to the next one', async () => {
    const { db } = await openSilent();
    await expect(transaction(db.pool, async (query) => query({ text: 'SELECT 1' }, []), { answerMs: 300, idleMs: 3000 })).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect([db.pool.idleCount, db.pool.totalCount]).toEqual([0, 0]);
  });

  it('lets Prisma’s reads end as well', async () => {
    const proxy = await openProxy();
    const db = open(proxy.url);
    await prismaRead(db);
    proxy.isSilent = true;
    const began = performance.now();
    await expect(prismaRead(db)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(performance.now() - began).toBeLessThan(2500);
  });
});

describe('the session', () => {
  it('is in UTC and keeps options of the URL beside our own', async () => {
    const url = new URL(catalog.url);
    url.searchParams.set('options', '-c statement_timeout=4321 -c TimeZone=Asia/Tokyo');
    const { pool } = open(url.href);
    const shown = async (name: string) => (await pool.query(`SELECT current_setting('${name}') AS value`)).rows[0].value;
    expect([await shown('TimeZone'), await shown('statement_timeout'), await shown('lock_timeout')]).toEqual(['UTC', '4321ms', '1s']);
  });

  it('survives the loss of an idle connection', async () => {
    const lost: Error[] = [];
    const db = createDatabase({ url: catalog.url, max: 2, onConnectionLost: (error) => lost.push(error) });
    closing.push(() => db.close());
    const { pid } = (await db.pool.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const killer = new pg.Client({ connectionString: catalog.url });
    await killer.connect();
    await killer.query('SELECT pg_terminate_backend($1, 1000)', [pid]);
    await killer.end();
    await expect.poll(() => lost.length, { timeout: 2000 }).toBe(1);
    expect((await db.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});
