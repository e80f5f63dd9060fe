import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../src/cache/truth-ports.js';
import { createOpenSession } from '../../src/db/truth-session.js';
import { type Catalog, openCatalog } from './open-catalog.js';

let catalog: Catalog;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());
beforeEach(() => catalog.rows('DELETE FROM instance; DELETE FROM block; DELETE FROM write_log; UPDATE catalog SET settled_pair = database_pair()'));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Heard {
  arms: { token: string; writer: string; keys: string[] | undefined }[];
  releases: string[];
  acks: { token: string; instance: string }[];
  ends: string[];
}

async function open({ process = randomUUID() as string, url = catalog.url, answerMs = 2000 } = {}) {
  const heard: Heard = { arms: [], releases: [], acks: [], ends: [] };
  const session = await createOpenSession({ url, catalogId: catalog.catalogId, answerMs })(process, {
    onArm: (token, writer, keys) => heard.arms.push({ token, writer, keys }),
    onRelease: (token) => heard.releases.push(token),
    onAck: (token, instance) => heard.acks.push({ token, instance }),
    onEnd: ({ message }) => heard.ends.push(message),
  });
  closing.push(() => session.close());
  return { session, heard, process };
}

/** A way to the database that can begin to swallow what comes back. */
async function openProxy() {
  const target = new URL(catalog.url);
  const sockets = new Set<Socket>();
  const proxy = { isSilent: false, url: '' };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => void (proxy.isSilent || client.write(bytes)));
    client.on('close', () => upstream.destroy());
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

async function joined(session: Session, leaseMs = 2000) {
  const id = randomUUID();
  await session.join(id, leaseMs);
  return id;
}
const listed = async () => (await catalog.rows('SELECT id, beat::int, lease_ms AS "leaseMs" FROM instance')) as unknown[];
/** Of the sessions of this file's catalog. */
const killAll = () =>
  catalog.rows(
    `SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'truetag lease' AND datname = current_database()`,
  );

describe('a session', () => {
  it('hears blocks, their release, and the acks that are meant for it, in the order in which they came', async () => {
    const [here, there] = [await open(), await open()];
    const { token, keyCount } = await catalog.arm('id:a', 'slug:b');
    await expect.poll(() => here.heard.arms).toMatchObject([{ token, keys: ['id:a', 'slug:b'] }]);
    expect(keyCount).toBe(2);
    const instance = randomUUID();
    await there.session.ack(here.process, token, instance);
    await expect.poll(() => here.heard.acks).toEqual([{ token, instance }]);
    await catalog.steps.release(token);
    await expect.poll(() => there.heard.releases).toEqual([token]);
    expect(there.heard).toMatchObject({ arms: [{ token }], acks: [] });
    expect([here.heard.ends, there.heard.ends]).toEqual([[], []]);
  });

  it('hears nothing of another catalog in the same database', async () => {
    const { heard } = await open();
    await catalog.rows('SELECT pg_notify($1, $2)', ['truetag_another', `release ${randomUUID()}`]);
    const { token } = await catalog.arm('id:a');
    await expect.poll(() => heard.arms).toMatchObject([{ token }]);
    expect(heard.releases).toEqual([]);
  });

  it('tells the keys of a block that stands, and none of one that does not', async () => {
    const { session } = await open();
    const { token } = await catalog.arm('id:a', 'slug:b');
    expect((await session.keysOf(token)).sort()).toEqual(['id:a', 'slug:b']);
    expect(await session.keysOf(randomUUID())).toEqual([]);
  });

  it('is not opened where its own notice does not come back, as behind a transaction-mode pooler', async () => {
    const proxy = await openDeafProxy();
    await expect(open({ url: proxy })).rejects.toThrow('DATABASE_DIRECT_URL');
    await expect.poll(sessionCount).toBe(0);
  });

  it('is not opened where Postgres refuses, or takes the connection and never answers, and says so in time', async () => {
    await expect(open({ url: 'postgres://nobody@127.0.0.1:1/nothing' })).rejects.toThrow();
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    closing.push(() => silent.close());
    const began = performance.now();
    await expect(open({ url: `postgres://nobody@127.0.0.1:${(silent.address() as AddressInfo).port}/nothing` })).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('the registry', () => {
  it('lists an instance from its join to its leave, with the beat it last wrote', async () => {
    const { session } = await open();
    const id = await joined(session, 1500);
    expect(await listed()).toEqual([{ id, beat: 0, leaseMs: 1500 }]);
    expect(await session.beat(id, 1)).toBe(true);
    expect(await session.beat(id, 2)).toBe(true);
    expect(await listed()).toEqual([{ id, beat: 2, leaseMs: 1500 }]);
    await session.leave(id);
    expect(await listed()).toEqual([]);
  });

  it('grants no beat to an instance that it does not list', async () => {
    const { session } = await open();
    const id = await joined(session);
    await catalog.rows('DELETE FROM instance');
    expect(await session.beat(id, 1)).toBe(false);
    expect(await listed()).toEqual([]);
  });

  it('loses an instance only at the beat that was observed', async () => {
    const { session } = await open();
    const id = await joined(session);
    await session.beat(id, 2);
    await session.deleteInstance(id, 1);
    expect(await listed()).toHaveLength(1);
    await session.deleteInstance(id, 2);
    expect(await listed()).toEqual([]);
  });
});

describe('a look', () => {
  it('shows blocks with their keys, instances, the pair and whether it is settled', async () => {
    const { session } = await open();
    expect(await session.look()).toEqual({ pair: (await catalog.steps.registry()).pair, isSettled: true, blocks: [], instances: [] });
    const id = await joined(session);
    const writer = randomUUID();
    const [one, two] = [randomUUID(), randomUUID()];
    await catalog.steps.arm(one, ['id:a', 'slug:b'], writer);
    await catalog.steps.arm(two, ['*'], writer);
    const { blocks, instances } = await session.look();
    expect(instances).toEqual([{ id, beat: 0, leaseMs: 2000 }]);
    expect(blocks).toHaveLength(2);
    expect(blocks.map(({ keys, ...block }) => ({ ...block, keys: keys.sort() }))).toEqual(
      expect.arrayContaining([
        { token: one, writer, keys: ['id:a', 'slug:b'] },
        { token: two, writer, keys: ['*'] },
      ]),
    );
  });

  it('does not see blocks that a commit takes away later, but does until then', async () => {
    const { session } = await open();
    const { token, keyCount } = await catalog.arm(`id:${randomUUID()}`, 'slug:b');
    const client = await connectClient();
    await client.query(`BEGIN; SELECT begin_write('${token}', ${keyCount})`);
    expect((await session.look()).blocks).toMatchObject([{ token }]);
    await client.query('COMMIT');
    expect((await session.look()).blocks).toEqual([]);
  });

  it('is one statement, so that blocks, pair and instances come from one snapshot', async () => {
    const sent: string[] = [];
    const { query } = pg.Client.prototype;
    pg.Client.prototype.query = function record(this: pg.Client, ...given: unknown[]) {
      sent.push(String(given[0]));
      return Reflect.apply(query, this, given);
    } as typeof query;
    closing.push(() => {
      pg.Client.prototype.query = query;
    });
    const { session } = await open();
    sent.length = 0;
    await session.look();
    expect(sent).toEqual([expect.stringMatching(/^\s*SELECT [^;]*$/)]);
    expect(sent[0]).not.toMatch(/beat_|renew/);
  });

  it('says where the life of the database is not settled, until it is written down for that very life', async () => {
    const { session } = await open();
    await catalog.rows('UPDATE catalog SET settled_pair = NULL');
    const { pair, isSettled } = await session.look();
    expect(isSettled).toBe(false);
    await session.settle('00000001/0');
    expect((await session.look()).isSettled).toBe(false);
    await session.settle(pair);
    expect((await session.look()).isSettled).toBe(true);
  });
});

describe('the reaper', () => {
  it('takes away the blocks of these tokens, all of each, and tells everybody once', async () => {
    const { session, heard } = await open();
    const [dead, alive] = [await catalog.arm('id:a', 'slug:b'), await catalog.arm('id:c')];
    await session.reap([dead.token]);
    expect((await session.look()).blocks).toMatchObject([{ token: alive.token }]);
    await expect.poll(() => heard.releases).toEqual([dead.token]);
    await session.reap([dead.token]);
    await catalog.steps.release(alive.token);
    await expect.poll(() => heard.releases).toEqual([dead.token, alive.token]);
  });

  it('leaves a write alone whose transaction has taken its blocks, and does not wait for it', async () => {
    const { session, heard } = await open({ answerMs: 1000 });
    const id = randomUUID();
    const { token, keyCount } = await catalog.arm(`id:${id}`, 'slug:b');
    const client = await connectClient();
    await client.query(`BEGIN; SELECT begin_write('${token}', ${keyCount})`);
    await session.reap([token]);
    expect(heard).toMatchObject({ releases: [], ends: [] });
    await client.query('COMMIT');
    expect(await catalog.steps.findOutcome(token)).toBe(true);
  });

  it('fences the write that it has ended', async () => {
    const { session } = await open();
    const armed = await catalog.arm(`id:${randomUUID()}`);
    await session.reap([armed.token]);
    await expect(catalog.writes.transaction(armed, async () => ({ value: null, documents: [] }))).rejects.toMatchObject({ code: 'busy' });
  });

  it('forgets proofs after a day', async () => {
    const { session } = await open();
    const insert = `INSERT INTO write_log (token, xid, at) VALUES (gen_random_uuid(), pg_current_xact_id(), now() - $1::interval)`;
    await catalog.rows(insert, ['25 hours']);
    await catalog.rows(insert, ['23 hours']);
    await session.prune();
    expect(await catalog.rows('SELECT FROM write_log')).toHaveLength(1);
  });
});

describe('the end of a session', () => {
  it('is told once where its backend is killed, and every call fails from then on', async () => {
    const { session, heard } = await open();
    await killAll();
    await expect.poll(() => heard.ends).toHaveLength(1);
    await expect(session.look()).rejects.toThrow();
    await expect(session.beat(randomUUID(), 1)).rejects.toThrow();
    expect(heard.ends).toHaveLength(1);
  });

  it('comes where an answer does not, in the time it is given', async () => {
    const proxy = await openProxy();
    const { session, heard } = await open({ url: proxy.url, answerMs: 300 });
    const id = await joined(session);
    proxy.isSilent = true;
    const began = performance.now();
    await expect(session.beat(id, 1)).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(1000);
    expect(heard.ends).toHaveLength(1);
    await expect(session.look()).rejects.toThrow();
  });

  it('comes by a statement that fails', async () => {
    const { session, heard } = await open();
    await expect(session.join('no-uuid', 2000)).rejects.toThrow();
    expect(heard.ends).toEqual([expect.stringContaining('uuid')]);
  });

  it('is not told where it is wanted, and leaves no connection', async () => {
    const { session, heard } = await open();
    session.close();
    await expect.poll(sessionCount).toBe(0);
    expect(heard.ends).toEqual([]);
  });
});

const sessionCount = async () =>
  (
    await catalog.rows(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name IN ('truetag lease', 'truetag echo') AND datname = current_database()`,
    )
  )[0].count;

async function connectClient(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: catalog.url });
  await client.connect();
  closing.push(() => client.end());
  return client;
}

/** A way to the database on which no notice comes back: messages of the type `A` are taken out of what Postgres says. */
async function openDeafProxy(): Promise<string> {
  const target = new URL(catalog.url);
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    let rest = Buffer.alloc(0);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const end = 1 + rest.readUInt32BE(1);
        if (rest[0] !== 'A'.charCodeAt(0)) client.write(rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return Object.assign(new URL(catalog.url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href;
}
