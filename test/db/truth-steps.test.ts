import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { armMessage, blockChannel, readNotice } from '../../src/db/channels.js';
import { createDatabase } from '../../src/db/client.js';
import { createWriteSteps } from '../../src/db/truth-steps.js';
import { type Catalog, openCatalog } from './open-catalog.js';
import { product } from './sample-product.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

const [token, writer] = [randomUUID(), randomUUID()];
const blocks = async (of: string) => (await catalog.rows('SELECT count(*)::int AS count FROM block WHERE token = $1', [of]))[0].count;

describe('the steps of a write', () => {
  it('arm it: the blocks stand, everybody hears of them, the pair is that of the registry', async () => {
    const heard = await listen();
    const pair = await catalog.steps.arm(token, ['id:a', 'slug:b'], writer);
    expect(await blocks(token)).toBe(2);
    await expect.poll(() => heard).toEqual([{ kind: 'arm', token, writer, keys: ['id:a', 'slug:b'] }]);
    expect(await catalog.steps.registry()).toEqual({ pair, isSettled: true, instances: [] });
  });

  it('arm one whose keys are too many for a notice: they are in the table, and left out of what is heard', async () => {
    const heard = await listen();
    const many = Array.from({ length: 3000 }, (_, i) => `slug:lämp "${i}"`);
    const bulk = randomUUID();
    await catalog.steps.arm(bulk, many, writer);
    expect(await blocks(bulk)).toBe(3000);
    await expect.poll(() => heard).toEqual([{ kind: 'arm', token: bulk, writer, keys: undefined }]);
    await catalog.steps.release(bulk);
  });

  it('show who is listed, and when the life of the database is not settled', async () => {
    const id = randomUUID();
    await catalog.rows('INSERT INTO instance (id, beat, lease_ms) VALUES ($1, 7, 1234)', [id]);
    expect((await catalog.steps.registry()).instances).toEqual([{ id, beat: 7, leaseMs: 1234 }]);
    for (const settled of [null, '00000001/0']) {
      await catalog.rows('UPDATE catalog SET settled_pair = $1', [settled]);
      expect((await catalog.steps.registry()).isSettled).toBe(false);
    }
    await catalog.rows('UPDATE catalog SET settled_pair = database_pair()');
  });

  it('release it: the blocks are gone and everybody hears of it', async () => {
    const heard = await listen();
    await catalog.steps.release(token);
    expect(await blocks(token)).toBe(0);
    await expect.poll(() => heard).toEqual([{ kind: 'release', token }]);
  });

  it('find its outcome: true where it was committed, false where it never will be, and the release is heard', async () => {
    const state = product('found');
    await catalog.save(state);
    const heard = await listen();
    const armed = await catalog.arm(`id:${state.id}`, 'slug:found');
    await catalog.writes.transaction(armed, async () => ({ value: null, documents: [] }));
    expect(await catalog.steps.findOutcome(armed.token)).toBe(true);
    const lost = await catalog.arm(`id:${state.id}`, 'slug:found');
    expect(await catalog.steps.findOutcome(lost.token)).toBe(false);
    await expect(catalog.writes.transaction(lost, async () => ({ value: null, documents: [] }))).rejects.toMatchObject({ code: 'busy' });
    await expect.poll(() => heard.filter(({ kind }) => kind === 'release')).toHaveLength(3);
  });

  it('find its outcome on a connection of their own, where the pool has none left', async () => {
    const db = createDatabase({ url: catalog.url, max: 1 });
    const held = await db.pool.connect();
    expect(await createWriteSteps({ pool: db.pool, url: db.url }, catalog.catalogId).findOutcome(randomUUID())).toBe(false);
    held.release();
    await db.close();
  });

  it('do not guess an outcome where the database does not answer, and do not wait for it for long', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    onTestFinished(() => void silent.close());
    const url = `postgres://nobody@127.0.0.1:${(silent.address() as { port: number }).port}/nothing`;
    const db = createDatabase({ url, max: 1 });
    const began = performance.now();
    await expect(createWriteSteps({ pool: db.pool, url }, catalog.catalogId).findOutcome(token)).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(performance.now() - began).toBeLessThan(2000);
    await db.close();
  });
});

describe('a notice', () => {
  it('fits into what Postgres carries, whatever the keys are', () => {
    for (const length of [1, 100, 180, 200, 3000]) {
      const keys = Array.from({ length }, (_, i) => `slug:${'é'.repeat(15)}${i}`);
      const message = armMessage(token, writer, keys);
      expect(Buffer.byteLength(message)).toBeLessThan(8000);
      expect(readNotice(message)).toMatchObject({ kind: 'arm', token, writer });
      expect([keys, undefined]).toContainEqual((readNotice(message) as { keys?: string[] }).keys);
    }
  });

  it('brings keys back that have spaces and quotes in them', () => {
    const keys = ['slug:a b', 'slug:"', 'slug:\\', 'slug:日本語'];
    expect(readNotice(armMessage(token, writer, keys))).toEqual({ kind: 'arm', token, writer, keys });
  });

  it.each(['', 'arm', `arm ${token}`, `ack ${token}`, 'hello world', 'ARM a b'])('that is none of ours is nothing: %j', (message) => {
    expect(readNotice(message)).toBeNull();
  });

  it.each(['{', '{}', '[1]', 'null'])('whose keys cannot be read has them fetched: %s', (json) => {
    expect(readNotice(`arm ${token} ${writer} ${json}`)).toEqual({ kind: 'arm', token, writer, keys: undefined });
  });
});

async function listen() {
  const client = new pg.Client({ connectionString: catalog.url });
  const heard: NonNullable<ReturnType<typeof readNotice>>[] = [];
  client.on('notification', ({ payload }) => {
    const notice = readNotice(payload ?? '');
    if (notice) heard.push(notice);
  });
  await client.connect();
  await client.query(`LISTEN ${blockChannel(catalog.catalogId)}`);
  onTestFinished(() => client.end());
  return heard;
}
