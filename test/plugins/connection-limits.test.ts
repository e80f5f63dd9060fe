import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { cutStalled, maxPipelined } from '../../src/plugins/connection-limits.js';
import { Problem } from '../../src/routes/problems.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { rawRequest } from './raw-request.js';

const nobody = '0198c000-0000-7000-8000-000000000000';
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A connection, and all that comes down it until the server ends it. Rejects where that takes longer than ten seconds. */
function open(url: string): { socket: Socket; ended: Promise<string> } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let received = '';
  const ended = new Promise<string>((resolve, reject) => {
    socket.setEncoding('latin1').on('data', (part: string) => {
      received += part;
    });
    socket.setTimeout(10_000, () => reject(new Error(`not ended: ${received.slice(0, 500)}`)));
    socket.on('error', () => {}).on('close', () => resolve(received));
  });
  return { socket, ended };
}

describe('a body', () => {
  const shop = openShop({ redis: false, config: { bodyTimeoutMs: 300, maxUnderWayPerKey: 0 } });
  const head = (method: string, path: string, type = 'application/json', length = 60) =>
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${asAdmin.authorization}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

  it('that drips in is given up with 408 and its connection closed, and nothing is written', async () => {
    const made = await shop.create('dripping');
    const { socket, ended } = open(shop.service.url);
    socket.write(`${head('PATCH', `/v1/admin/variants/${made.variants[0]?.id}/price`)}{"currency":"USD"`);
    const drip = setInterval(() => socket.writable && socket.write(' '), 50);
    const received = await ended.finally(() => clearInterval(drip));
    expect(received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(received).toMatch(/\r\nconnection: close\r\n/i);
    expect(Problem.parse(JSON.parse(received.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ status: 408, code: 'request_timeout' });
    expect((await shop.http.get('/v1/products/dripping')).body).toMatchObject({ version: 1, priceRange: { min: { amount: 1999 } } });
  });

  it('that never comes is given up as well, chunked or not', async () => {
    expect((await rawRequest(shop.service.url, head('POST', '/v1/quotes'))).status).toBe(408);
    const chunked = head('POST', '/v1/products/batch').replace('content-length: 60', 'transfer-encoding: chunked');
    expect((await rawRequest(shop.service.url, chunked)).status).toBe(408);
  });

  it('that came in time is answered however long the connection stays, and one too large is refused once', async () => {
    const { socket, ended } = open(shop.service.url);
    const body = JSON.stringify({ currency: 'USD', lines: [] });
    socket.write(`${head('POST', '/v1/quotes', 'application/json', body.length)}${body}`);
    await sleep(600);
    socket.write(`GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect((await ended).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200']);
    const large = open(shop.service.url);
    large.socket.write(head('POST', '/v1/quotes', 'application/json', 3_000_000));
    expect((await large.ended).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413']);
    expect((await shop.http.get('/health/live')).status).toBe(200);
  });

  it('that is a file and drips in is given up with 408, and takes no place in the line of imports from others', async () => {
    const dripping = Array.from({ length: 5 }, () => {
      const { socket, ended } = open(shop.service.url);
      socket.write(head('POST', '/v1/admin/imports', 'text/csv', 1_000_000).replace('host: x', 'host: x\r\nconnection: close'));
      const drip = setInterval(() => socket.writable && socket.write('a'), 50);
      return ended.finally(() => clearInterval(drip));
    });
    for (const received of await Promise.all(dripping)) {
      expect(received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      expect(received).toMatch(/\r\nconnection: close\r\n/i);
      expect(Problem.parse(JSON.parse(received.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ code: 'request_timeout' });
    }
    await shop.http.post('/v1/admin/imports?dryRun=true').set(asAdmin).set('content-type', 'text/csv').send('Handle,Title\n').expect(202);
  });

  it('that is a file may take longer, as long as it goes on coming', async () => {
    const part = 'a,A,1\n'.repeat(1000);
    const first = 'Handle,Title,Variant Price\n';
    const { socket, ended } = open(shop.service.url);
    const length = first.length + 6 * part.length;
    socket.write(head('POST', '/v1/admin/imports?dryRun=true', 'text/csv', length).replace('host: x', 'host: x\r\nconnection: close') + first);
    for (let sent = 0; sent < 6; sent += 1) {
      socket.write(part);
      await sleep(150);
    }
    expect(await ended).toMatch(/^HTTP\/1\.1 202 /);
  });
});

describe('a connection', () => {
  const shop = openShop({ redis: false, demo: true });

  it('whose headers drip in is answered 408 and closed', async () => {
    shop.service.fastify.server.headersTimeout = 200;
    const { socket, ended } = open(shop.service.url);
    socket.write('GET /v1/products HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => socket.writable && socket.write('a: b\r\n'), 50);
    const received = await ended.finally(() => clearInterval(drip));
    shop.service.fastify.server.headersTimeout = 10_000;
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(Problem.parse(JSON.parse(received.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ code: 'request_timeout' });
  });

  it('has so many requests under way at once and is closed with the first one past them', async () => {
    const { socket, ended } = open(shop.service.url);
    socket.write(`GET /v1/inventory/${nobody} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(maxPipelined + 10));
    const received = await ended;
    const statuses = received.match(/HTTP\/1\.1 \d+/g) ?? [];
    expect(statuses).toEqual([...Array.from({ length: maxPipelined }, () => 'HTTP/1.1 404'), 'HTTP/1.1 429']);
    const last = received.slice(received.lastIndexOf('HTTP/1.1 429'));
    expect(last).toMatch(/retry-after: 1\r\n/);
    expect(last).toMatch(/connection: close\r\n/i);
    expect(Problem.parse(JSON.parse(last.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ status: 429, code: 'too_many_under_way' });
  });

  it('may ask for more one after the other', async () => {
    const { socket, ended } = open(shop.service.url);
    let answered = 0;
    const ask = (last = '') => socket.write(`GET /v1/inventory/${nobody} HTTP/1.1\r\nhost: x\r\n${last}\r\n`);
    socket.on('data', (part: string) => {
      if (!part.includes('HTTP/1.1')) return;
      answered += 1;
      if (answered <= maxPipelined + 5) ask(answered === maxPipelined + 5 ? 'connection: close\r\n' : '');
    });
    ask();
    expect((await ended).match(/HTTP\/1\.1 404/g)).toHaveLength(maxPipelined + 6);
  });

  it('that does not take what it asked for is cut, while the others go on', async () => {
    const { server } = shop.service.fastify;
    const path = '/v1/products/walnut-desk-lamp';
    await shop.http.get(path).expect(200);
    let cuts = 0;
    const sweep = cutStalled(server, 100, () => {
      cuts += 1;
    });
    try {
      const { socket } = open(shop.service.url);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(20_000));
      const cut = new Promise<boolean>((resolve) => {
        server.once('connection', (accepted: Socket) => accepted.once('close', () => resolve(true)));
      });
      const patient = setInterval(() => void shop.http.get('/health/live'), 50);
      expect(await cut.finally(() => clearInterval(patient))).toBe(true);
      expect(cuts).toBe(1);
      await shop.http.get(path).expect(200);
    } finally {
      clearInterval(sweep);
    }
  });
});

describe('connections past the limit', () => {
  const shop = openShop({ redis: false, config: { maxConnections: 3 } });

  it('are closed unanswered, and those that stand are served', async () => {
    const held = Array.from({ length: 3 }, () => open(shop.service.url));
    for (const { socket } of held) {
      socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', resolve));
    }
    const surplus = open(shop.service.url);
    surplus.socket.on('connect', () => surplus.socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'));
    expect(await surplus.ended).toBe('');
    const [first] = held;
    first?.socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect((await first?.ended)?.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});

describe('a request', () => {
  const shop = openShop({ redis: false, demo: true });
  const many = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join('');
  const ask = (path: string, headers = '') => rawRequest(shop.service.url, `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);

  it('with more headers than a hundred is refused, so that none of them is passed over', async () => {
    const path = '/v1/products/walnut-desk-lamp';
    expect((await ask(path, many(99))).status).toBe(200);
    for (const from of [path, `${path}?currency=USD`, '/v1/products', '/nowhere']) {
      const { status, body } = await ask(from, many(100));
      expect([from, status, Problem.parse(body).code]).toEqual([from, 431, 'headers_too_large']);
    }
    const made = await shop.create('many-headers');
    const conditions = `${'a:\r\n'.repeat(2_100)}if-match: "99"\r\nauthorization: ${asAdmin.authorization}\r\n`;
    const { status } = await rawRequest(shop.service.url, `DELETE /v1/admin/products/${made.id} HTTP/1.1\r\nhost: x\r\n${conditions}\r\n`);
    expect(status).toBe(431);
  });

  it('with a longer URL than every server should take is refused', async () => {
    const path = '/v1/products?q=';
    expect((await ask(`${path}${'a'.repeat(8000 - path.length)}`)).status).toBe(400);
    const { status, body } = await ask(`${path}${'a'.repeat(8001 - path.length)}`);
    expect([status, Problem.parse(body).code]).toEqual([414, 'uri_too_long']);
  });

  it('with more parameters than any call knows is refused before they are looked at, and a nested one is unknown', async () => {
    const parameters = (count: number) => Array.from({ length: count }, (_, i) => `p${i}=1`).join('&');
    expect(Problem.parse((await ask(`/v1/products?${parameters(50)}`)).body).errors).toHaveLength(50);
    expect(Problem.parse((await ask(`/v1/products?${parameters(51)}`)).body)).toMatchObject({
      status: 400,
      code: 'invalid',
      detail: expect.stringContaining('50 parameters'),
    });
    expect(Problem.parse((await ask('/v1/products?q[a][b]=1')).body).errors).toEqual([{ path: 'q[a][b]', message: expect.any(String) }]);
    expect((await ask('/v1/products?q=a&q=b')).status).toBe(400);
  });
});
