import { connect, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { maxUploads } from '../../src/plugins/under-way-limit.js';
import { Problem } from '../../src/routes/problems.js';
import { keyIn } from '../access/open-keys.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

/** Takes the answer whole: beside one that is not, fetch opens connections that nobody uses, and the service waits for them as it closes. */
async function ask(url: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; text: string }> {
  const answer = await fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function send(url: string, text: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.write(text);
  return socket;
}
const waiting = `SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
const upload = `POST /v1/admin/imports HTTP/1.1\r\nhost: x\r\nauthorization: ${asAdmin.authorization}\r\ncontent-type: text/csv\r\ncontent-length: 60\r\nexpect: 100-continue\r\n\r\n`;

describe('requests of one key that are under way', () => {
  const max = 4;
  // Import jobs are read over the three in ten that changes have: as many as are held, and some for the look-up of keys.
  const shop = openShop({ redis: false, config: { maxUnderWayPerKey: max, databasePool: 20 } });
  let client: pg.Client;
  let product: { id: string; variants: { id: string }[] };
  beforeAll(async () => {
    client = new pg.Client({ connectionString: shop.databaseUrl });
    await client.connect();
    product = await shop.create('held');
  });
  afterAll(() => client.end());

  const report = (headers: Record<string, string> = asAdmin, url = shop.service.url) => ask(`${url}/v1/admin/cache`, { headers });
  const read = `GET /v1/admin/imports/0198c000-0000-7000-8000-000000000000 HTTP/1.1\r\nhost: x\r\nauthorization: ${asAdmin.authorization}\r\n\r\n`;

  /** Reads that share no statement and that Postgres holds up, until `work` is done or they give up after a second. */
  async function whileHeld(work: (held: Socket[]) => Promise<void>, url = shop.service.url): Promise<void> {
    await client.query('BEGIN');
    await client.query('LOCK TABLE import_job IN ACCESS EXCLUSIVE MODE');
    try {
      const held = Array.from({ length: max }, () => send(url, read));
      await until(
        async () => (await client.query(waiting)).rows[0].count,
        (count) => count >= max,
      );
      await work(held);
    } finally {
      await client.query('ROLLBACK');
    }
  }
  /** Once what was under way is answered. */
  const isOpenAgain = (url = shop.service.url) =>
    until(
      async () => (await report(asAdmin, url)).status,
      (status) => status === 200,
    );

  it('are so many at most: one more is told 429 and when to come back, another key is not', async () => {
    const other = await keyIn(shop.databaseUrl, { name: 'other', scopes: ['cache:read'] });
    await whileHeld(async () => {
      const answer = await report();
      expect(Problem.parse(JSON.parse(answer.text))).toMatchObject({
        status: 429,
        code: 'too_many_under_way',
        detail: expect.stringContaining(`${max}`),
      });
      expect(answer.headers.get('retry-after')).toBe('1');
      expect((await report({ authorization: `Bearer ${other}` })).status).toBe(200);
    });
    await isOpenAgain();
  });

  it('are under way for as long as they are worked on, and not only until their clients hang up', async () => {
    await whileHeld(async (held) => {
      for (const socket of held) socket.destroy();
      // The server knows of that by the time it has answered what was asked after it.
      for (let i = 0; i < 3; i += 1) expect((await report()).status).toBe(429);
    });
    await isOpenAgain();
  });

  it('leave their places behind them, however they end', async () => {
    const url = `${shop.service.url}/v1/admin`;
    const ends = [
      () => ask(`${url}/products/${product.id}`, { headers: asAdmin }),
      () => ask(`${url}/products/nobody`, { headers: asAdmin }),
      () => ask(`${url}/products/0198c000-0000-7000-8000-000000000000`, { headers: asAdmin, method: 'HEAD' }),
      () => ask(`${url}/products`, { headers: { ...asAdmin, 'content-type': 'application/json' }, method: 'POST', body: '{' }),
      () => ask(`${url}/products`, { headers: { ...asAdmin, 'content-encoding': 'gzip' }, method: 'POST', body: 'x' }),
    ];
    for (let i = 0; i < 4 * max; i += 1) {
      for (const end of ends) await end();
      const patch = `PATCH /v1/admin/products/${product.id} HTTP/1.1\r\nhost: x\r\nauthorization: ${asAdmin.authorization}\r\ncontent-type: application/json\r\n`;
      const socket = send(shop.service.url, `${patch}content-length: 50\r\n\r\n{"title":`);
      await report();
      socket.destroy();
    }
    // A place that was not left would be missing here for good.
    await until(
      () => Promise.all(Array.from({ length: max }, async () => (await report()).status)),
      (statuses) => statuses.every((status) => status === 200),
    );
  });

  const sendFile = (url: string) =>
    ask(`${url}/v1/admin/imports`, { method: 'POST', headers: { ...asAdmin, 'content-type': 'text/csv' }, body: 'x' });

  async function priceBehindUploads(url: string): Promise<{ upload: number; price: number }> {
    const held = Array.from({ length: maxUploads }, () => send(url, upload));
    for (const socket of held) expect(String(await new Promise((resolve) => socket.once('data', resolve)))).toMatch(/^HTTP\/1\.1 100 /);
    const refused = await sendFile(url);
    const price = await ask(`${url}/v1/admin/variants/${product.variants[0]?.id}/price`, {
      method: 'PATCH',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ currency: 'USD', amount: 4321 }),
    });
    for (const socket of held) socket.destroy();
    return { upload: Number(refused.headers.get('retry-after')), price: price.status };
  }

  it('are uploads apart from all others: files that drip in keep no price from being written', async () => {
    expect(await priceBehindUploads(shop.service.url)).toEqual({ upload: 10, price: 200 });
    await until(
      () => sendFile(shop.service.url),
      ({ status }) => status !== 429,
    );
  });

  async function onBroken<T>(edit: Edit, work: (url: string) => Promise<T>): Promise<T> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [edit] }))) as typeof AppModule;
    const env = { LOG_LEVEL: 'silent', MIGRATE: 'false', ADMIN_API_KEY: adminKey, MAX_UNDER_WAY_PER_KEY: String(max), DATABASE_POOL: '20' };
    const config = loadConfig(env);
    const { fastify } = await createApp({ ...config, databaseUrl: shop.databaseUrl });
    try {
      return await work(await fastify.listen({ host: '127.0.0.1', port: 0 }));
    } finally {
      fastify.server.closeAllConnections();
      await fastify.close();
    }
  }

  it('would keep prices waiting for uploads, were they counted together', async () => {
    const edit = { file: 'src/plugins/under-way-limit.ts', from: '(isUpload ? uploads : requests)', to: 'requests' };
    expect((await onBroken(edit, priceBehindUploads)).price).toBe(429);
  }, 30_000);

  it('would be any number for who hangs up, were their places left at once', async () => {
    const edit = { file: 'src/plugins/under-way-limit.ts', from: 'place.isWorkedOn || place.leave()', to: 'place.leave()' };
    await onBroken(edit, (url) =>
      whileHeld(async (held) => {
        for (const socket of held) socket.destroy();
        await isOpenAgain(url);
      }, url),
    );
  }, 30_000);
});

describe('a service without that limit', () => {
  const shop = openShop({ redis: false, config: { maxUnderWayPerKey: 0 } });

  it('takes any number', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => shop.http.get('/v1/admin/cache').set(asAdmin)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
