import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ProductState } from '../../src/catalog/product-state.js';
import { blockChannel } from '../../src/db/channels.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product } from './sample-product.js';

let catalog: Catalog;
let state: ProductState;
let keys: string[];
const open: pg.Client[] = [];

beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());
beforeEach(async () => {
  state = product(`lamp-${randomUUID()}`);
  keys = [`id:${state.id}`, `slug:${state.slug}`];
  await catalog.save(state);
});
afterEach(async () => {
  for (const client of open.splice(0)) await client.end();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: catalog.url });
  client.on('error', () => {});
  await client.connect();
  open.push(client);
  return client;
}
const stands = async (id = state.id) => (await catalog.rows('SELECT slug, version::int, last_token AS token FROM product WHERE id = $1', [id]))[0];
const blocks = async (token: string) => (await catalog.rows('SELECT key FROM block WHERE token = $1 ORDER BY key', [token])).map(({ key }) => key);
const begin = (client: pg.Client, { token, keyCount }: { token: string; keyCount: number }) =>
  client.query(`BEGIN; SELECT begin_write('${token}', ${keyCount})`);
/** Whether a call is still waiting for somebody else's lock. */
const isWaiting = async (what: string) =>
  (
    await catalog.rows(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`, [
      what,
    ])
  ).length > 0;

describe('begin_write', () => {
  it('takes the blocks away, bumps each product once, stamps it, and leaves the proof', async () => {
    const other = product(`other-${randomUUID()}`);
    await catalog.save(other);
    const before = await stands();
    const armed = await catalog.arm(...keys, `id:${other.id}`, `slug:${other.slug}`, `id:${randomUUID()}`, 'slug:not-taken-yet');
    const client = await connect();
    await begin(client, armed);
    await client.query('COMMIT');
    expect(await stands()).toEqual({ slug: state.slug, version: before.version + 1, token: armed.token });
    expect(await stands(other.id)).toMatchObject({ version: 2, token: armed.token });
    expect(await blocks(armed.token)).toEqual([]);
    expect(await catalog.rows('SELECT covers_all FROM write_log WHERE token = $1', [armed.token])).toEqual([{ covers_all: false }]);
  });

  it('is seen by nobody before the commit: the blocks stand, the version is the old one', async () => {
    const armed = await catalog.arm(...keys);
    const client = await connect();
    await begin(client, armed);
    expect(await blocks(armed.token)).toEqual([...keys].sort());
    expect(await stands()).toMatchObject({ version: 1 });
    await client.query('ROLLBACK');
    expect(await blocks(armed.token)).toEqual([...keys].sort());
  });

  it.each([
    ['is missing', () => catalog.rows(`DELETE FROM block WHERE key = $1`, [keys[0]])],
    ['has been reaped', () => catalog.rows('DELETE FROM block')],
    ['is there that it does not count', () => catalog.rows(`INSERT INTO block SELECT token, 'slug:one-more', writer FROM block LIMIT 1`)],
  ])('refuses where a block %s', async (_, spoil) => {
    await catalog.rows('DELETE FROM block');
    const armed = await catalog.arm(...keys);
    await spoil();
    await expect(begin(await connect(), armed)).rejects.toMatchObject({ code: 'TT001' });
    expect(await stands()).toMatchObject({ version: 1 });
  });

  it('refuses a token a second time, and one that nobody has armed', async () => {
    const armed = await catalog.arm(...keys);
    const client = await connect();
    await begin(client, armed);
    await client.query('COMMIT');
    await expect(begin(client, armed)).rejects.toMatchObject({ code: 'TT001' });
    await client.query('ROLLBACK');
    await expect(begin(client, { token: randomUUID(), keyCount: 2 })).rejects.toMatchObject({ code: 'TT001' });
    expect(await stands()).toMatchObject({ version: 2 });
  });

  it('refuses a product whose slug has moved away from what is blocked', async () => {
    const armed = await catalog.arm(...keys);
    await catalog.save({ ...state, slug: `moved-${state.slug}` });
    await expect(begin(await connect(), armed)).rejects.toMatchObject({ code: 'TT002', message: expect.stringContaining(`moved-${state.slug}`) });
    expect(await stands()).toMatchObject({ version: 2 });
  });

  it('sees the slug that a rival commits while it waits for the row', async () => {
    const slug = `moved-${state.slug}`;
    const [armed, rival] = [await catalog.arm(...keys), await catalog.arm(...keys, `slug:${slug}`)];
    const [client, other] = [await connect(), await connect()];
    await begin(other, rival);
    await other.query('UPDATE product SET slug = $2 WHERE id = $1', [state.id, slug]);
    const refused = expect(begin(client, armed)).rejects.toMatchObject({ code: 'TT002' });
    await expect.poll(() => isWaiting('begin_write')).toBe(true);
    await other.query('COMMIT');
    await refused;
  });

  it('on * covers and bumps every product', async () => {
    const versions = await catalog.rows('SELECT id, version::int + 1 AS version FROM product ORDER BY id');
    const client = await connect();
    await begin(client, await catalog.arm('*'));
    await client.query(`UPDATE product SET title = 'All'`);
    await client.query('COMMIT');
    expect(await catalog.rows('SELECT id, version::int FROM product ORDER BY id')).toEqual(versions);
  });
});

describe('end_write', () => {
  const end = (client: pg.Client, pair: string) => client.query(`SELECT end_write($1, 'nobody', 'release')`, [pair]);

  it('lets a write through in the life of the database in which it was armed, and in no other', async () => {
    const armed = await catalog.arm(...keys);
    const client = await connect();
    await begin(client, armed);
    await end(client, armed.pair);
    await client.query('COMMIT');
    const late = await catalog.arm(...keys);
    await begin(client, late);
    await expect(end(client, '00000001/0')).rejects.toMatchObject({ code: 'TT001' });
    await client.query('ROLLBACK');
    expect(await stands()).toMatchObject({ version: 2 });
  });

  it('announces the release with the commit, and with nothing else', async () => {
    const heard = await listen('lifted');
    const client = await connect();
    for (const last of ['ROLLBACK', 'COMMIT']) {
      const { token, keyCount, pair } = await catalog.arm(...keys);
      await begin(client, { token, keyCount });
      await client.query('SELECT end_write($1, $2, $3)', [pair, 'lifted', `release ${last}`]);
      await client.query(last);
    }
    await expect.poll(() => heard).toEqual(['release COMMIT']);
  });
});

describe('arm_write', () => {
  it('commits the blocks, tells them, and gives the life of the database', async () => {
    const heard = await listen(blockChannel(catalog.catalogId));
    const { token, pair } = await catalog.arm(...keys);
    expect(await blocks(token)).toEqual([...keys].sort());
    expect((await catalog.rows('SELECT database_pair() AS pair'))[0].pair).toBe(pair);
    expect(pair).toMatch(/^[0-9A-F]{8}\/\d+(\.\d+)?$/);
    await expect.poll(() => heard).toEqual([expect.stringMatching(`^arm ${token} [0-9a-f-]{36} \\["id:${state.id}","slug:${state.slug}"\\]$`)]);
  });

  it.each(['product:lamp', '', '**', 'ID:x'])('refuses a key that is no lookup: %j', async (key) => {
    await expect(catalog.arm(key)).rejects.toMatchObject({ code: 'unusable' });
  });
});

describe('disarm_write', () => {
  const disarm = async (client: pg.Client, token: string) =>
    (await client.query(`SELECT disarm_write($1, 'nobody', 'release') AS "isCommitted"`, [token])).rows[0].isCommitted as boolean;

  it('tells a write that was committed from one that was not, and ends the latter', async () => {
    const [made, given] = [await catalog.arm(...keys), await catalog.arm(...keys)];
    const client = await connect();
    await begin(client, made);
    await client.query('COMMIT');
    expect(await disarm(client, made.token)).toBe(true);
    expect(await disarm(client, given.token)).toBe(false);
    expect(await blocks(given.token)).toEqual([]);
    await expect(begin(client, given)).rejects.toMatchObject({ code: 'TT001' });
  });

  it.each([
    ['COMMIT', true],
    ['ROLLBACK', false],
  ])('waits for a transaction that is under way and tells how it ended: %s', async (last, isCommitted) => {
    const armed = await catalog.arm(...keys);
    const [client, other] = [await connect(), await connect()];
    await begin(client, armed);
    const found = disarm(other, armed.token);
    await expect.poll(() => isWaiting('disarm_write')).toBe(true);
    await client.query(last);
    expect(await found).toBe(isCommitted);
    expect(await blocks(armed.token)).toEqual([]);
  });

  it('outwaits a transaction whose client has gone silent, which ends by itself', async () => {
    const armed = await catalog.arm(...keys);
    const client = await connect();
    await client.query('BEGIN');
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = '300ms'`);
    await client.query('SELECT begin_write($1, $2)', [armed.token, armed.keyCount]);
    expect(await disarm(await connect(), armed.token)).toBe(false);
    expect(await stands()).toMatchObject({ version: 1 });
  });
});

describe('join_instance', () => {
  it('is on disk when it returns, whatever the session says', async () => {
    const client = await connect();
    await client.query('BEGIN; SET LOCAL synchronous_commit = off');
    await client.query('SELECT join_instance($1, 2000)', [randomUUID()]);
    expect((await client.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
    await client.query('ROLLBACK');
  });

  it.each([0, 5001])('refuses a lease of %i ms: the waits would not cover it', async (leaseMs) => {
    await expect(catalog.rows('SELECT join_instance($1, $2)', [randomUUID(), leaseMs])).rejects.toMatchObject({
      constraint: 'instance_lease_is_short',
    });
  });
});

describe('the tables of the protocol', () => {
  it('survive a crash', async () => {
    const sql = `SELECT relname, relpersistence FROM pg_class WHERE relname IN ('block', 'instance', 'write_log') ORDER BY 1`;
    expect(await catalog.rows(sql)).toEqual(['block', 'instance', 'write_log'].map((relname) => ({ relname, relpersistence: 'p' })));
  });

  it('begin in a life of the database that is settled: there was no lease before them', async () => {
    expect(await catalog.rows('SELECT settled_pair = database_pair() AS "isSettled" FROM catalog')).toEqual([{ isSettled: true }]);
  });
});

/** What is said on this channel from now on. */
async function listen(channel: string): Promise<string[]> {
  const heard: string[] = [];
  const client = await connect();
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.query(`LISTEN ${channel}`);
  return heard;
}
