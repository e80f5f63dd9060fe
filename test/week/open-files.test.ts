import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { adminKey, startService } from '../harness/service.js';
import { type Connection, createConnection, NoAnswer, requestText } from '../truth/http-connection.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, politely, read, setPrice, stock, untilHit } from './shopper.js';

const openFiles = 120;
const withinMs = 10_000;

describe('a server that may open no more files', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: Instance;

  beforeAll(async () => {
    database = await createDatabase();
    server = await startInstance(database.url, { DATABASE_POOL: '20' }, { openFiles });
  });
  afterAll(async () => {
    server.kill();
    await server.ended;
    await database.drop();
  });

  it('answers whom it has taken, refuses with 503 what needs another file, and goes on when they are free again', async () => {
    const [product] = await stock(server, 'files', 1);
    if (!product) throw new Error('nothing was stocked');
    await untilHit(server, product.slug);
    const crowd: Connection[] = Array.from({ length: 25 }, () => createConnection(server.port));
    const ask = (text: string) => Promise.all(crowd.map((one) => one.send(text, withinMs)));
    const hit = requestText('GET', `/v1/products/${product.slug}`);
    for (const { status } of await ask(hit)) expect(status).toBe(200);

    const idle = await takeAll(server.port);
    for (const { status } of await ask(hit)) expect(status).toBe(200);
    // More quotes at once than there are connections to Postgres: those that would have to be made cannot be.
    const quotes = await ask(requestText('POST', '/v1/quotes', {}, { currency: 'USD', lines: [{ variantId: product.variantId, quantity: 1 }] }));
    const refused = quotes.filter(({ status }) => status !== 200);
    for (const { status, header } of refused) expect({ status, retryAfter: header('retry-after') }).toEqual(politely);
    expect(refused.length).toBeGreaterThan(0);
    const upload = { authorization: `Bearer ${adminKey}`, 'content-type': 'text/csv', 'content-length': '5' };
    const head = `POST /v1/admin/imports?format=shopify HTTP/1.1\r\nhost: x\r\n${Object.entries(upload)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\nTitle`;
    const spooled = await crowd[0]?.send(head, withinMs);
    expect({ status: spooled?.status, retryAfter: spooled?.header('retry-after') }).toEqual(politely);

    for (const socket of idle) socket.destroy();
    for (const one of crowd) one.close();
    await untilHit(server, product.slug);
    expect((await setPrice(server, product.variantId, 9090)).status).toBe(200);
    expect(amountOf(await read(server, product.slug))).toBe(9090);
    expect(server.isRunning()).toBe(true);
  });

  it('lives on where the system says that a connection cannot be taken', async () => {
    const service = await startService(database.url);
    service.fastify.server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect((await read(service, 'files-1')).status).toBe(200);
    await service.close();
  });
});

/** Opens connections until the server takes no more: from then on new ones are closed, or stay where they are. */
async function takeAll(port: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < 2 * openFiles; i += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
  }
  for (let tries = 0; ; tries += 1) {
    const probe = createConnection(port);
    const answer = await probe.send(requestText('GET', '/health/live'), 1_000).catch((error: NoAnswer) => error);
    probe.close();
    if (answer instanceof NoAnswer) return sockets;
    if (tries === 20) throw new Error('the server takes every connection');
  }
}
