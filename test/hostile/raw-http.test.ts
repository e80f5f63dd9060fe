import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/routes/problems.js';
import { asAdmin } from '../harness/service.js';
import { rawRequest } from '../plugins/raw-request.js';
import { openShop } from '../routes/open-shop.js';

const quote = '{"currency":"USD","lines":[]}';
const hidden = 'GET /v1/admin/cache HTTP/1.1\r\nhost: x\r\n\r\n';

/** All that a server says to these bytes until it closes the connection. */
function conversation(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let said = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error(`left open after: ${said}`)));
    socket.on('data', (data) => (said += data.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(said));
  });
}

describe('a request that two servers would read in two ways', () => {
  const shop = openShop({ redis: false });

  it.each([
    ['a length and chunks', `content-length: ${quote.length}\r\ntransfer-encoding: chunked`, `0\r\n\r\n${hidden}`],
    ['chunks and a length', `transfer-encoding: chunked\r\ncontent-length: 4`, `1d\r\n${quote}\r\n0\r\n\r\n${hidden}`],
    ['two lengths', `content-length: ${quote.length}\r\ncontent-length: ${quote.length + hidden.length}`, quote + hidden],
    ['the same length twice', `content-length: ${quote.length}\r\ncontent-length: ${quote.length}`, quote + hidden],
    ['a list of lengths', `content-length: ${quote.length}, ${quote.length}`, quote + hidden],
    ['a signed length', `content-length: +${quote.length}`, quote + hidden],
    ['a length in another base', 'content-length: 0x1d', quote + hidden],
    ['a negative length', 'content-length: -1', quote + hidden],
    ['chunks that are not the last coding', 'transfer-encoding: chunked, identity', `0\r\n\r\n${hidden}`],
    ['a coding that nobody knows', 'transfer-encoding: xchunked', `0\r\n\r\n${hidden}`],
    ['a blank before the colon', 'transfer-encoding : chunked', `0\r\n\r\n${hidden}`],
    ['a vertical tab before the coding', 'transfer-encoding:\x0bchunked', `0\r\n\r\n${hidden}`],
    ['a line that goes on', 'x-a: b\r\n transfer-encoding: chunked', `0\r\n\r\n${hidden}`],
    ['a header without a name', ': chunked', hidden],
    ['a bare line feed', `x: a\ntransfer-encoding: chunked`, `0\r\n\r\n${hidden}`],
    ['a NUL in a header', 'x: a\0b', hidden],
    ['a chunk whose size is no number', 'transfer-encoding: chunked', `zz\r\n${hidden}`],
    ['a chunk longer than it says', 'transfer-encoding: chunked', `1\r\nabcdef\r\n0\r\n\r\n${hidden}`],
  ])('is refused and ends the connection: %s', async (_, lines, rest) => {
    const said = await conversation(
      shop.service.url,
      `POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${lines}\r\n\r\n${rest}`,
    );
    expect(said).toMatch(/^HTTP\/1\.1 400 Bad request\r\n/i);
    // One answer: what was hidden behind it is no request.
    expect(said.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(said).not.toContain('HTTP/1.1 401');
    expect(Problem.parse(JSON.parse(said.slice(said.indexOf('\r\n\r\n') + 4))).status).toBe(400);
  });

  it('is refused where it names two hosts, or expects what we do not know', async () => {
    await shop.create('kept');
    await shop.http.get('/v1/products/kept').expect(200);
    for (const target of ['/v1/products', '/v1/products/kept', '/health/live', '/nowhere'])
      expect((await rawRequest(shop.service.url, `GET ${target} HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n`)).status).toBe(400);
    const { status, body, headers } = await rawRequest(
      shop.service.url,
      'GET /v1/products HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\nx-request-id: mine\r\n\r\n',
    );
    expect([status, Problem.parse(body).code, headers['x-request-id'], headers['content-type']]).toEqual([
      417,
      'expectation_failed',
      'mine',
      'application/problem+json',
    ]);
  });

  it('does not become another protocol', async () => {
    const upgraded = await rawRequest(
      shop.service.url,
      'GET /v1/categories HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    expect(upgraded.status).toBe(200);
    expect(await conversation(shop.service.url, 'CONNECT internal.example:443 HTTP/1.1\r\nhost: x\r\n\r\n')).not.toMatch(/^HTTP\/1\.1 2/);
    expect(await conversation(shop.service.url, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
  });
});

describe('a path that is not what it seems', () => {
  const shop = openShop({ redis: false });
  const ask = (target: string, headers: Record<string, string> = {}) =>
    rawRequest(
      shop.service.url,
      Buffer.from(
        `GET ${target} HTTP/1.1\r\nhost: shop.example\r\n${Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('')}\r\n`,
        'latin1',
      ),
    );

  it.each([
    '//v1/admin/cache',
    '/v1//admin/cache',
    '/v1/./admin/cache',
    '/v1/products/../admin/cache',
    '/v1/products/%2e%2e/admin/cache',
    '/v1/products/..%2fadmin%2fcache',
    '/v1/products/..%5cadmin',
    '/v1/products/..;/admin/cache',
    '/v1/admin%2fcache',
    '/v1/admin/cache%2f',
    '/v1/admin/cache/',
    '/v1/admin/cache;a=b',
    '/v1/admin/cache%00',
    '/v1/admin/cache%20',
    '/V1/ADMIN/cache',
    '/v1/Admin/cache',
    '/%2fv1/admin/cache',
    '/v1\\admin\\cache',
    '/health/live/..%2f..%2fv1/admin/cache',
    '/docs/..%2fv1%2fadmin%2fcache',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/media/demo/..%2f..%2fpackage.json',
    '/media/demo/..%2f..%2fpackage.svg',
    'v1/admin/cache',
    '*',
  ])('leads nowhere, with the key or without: %s', async (target) => {
    for (const headers of [{}, asAdmin]) {
      const { status, text } = await ask(target, headers);
      expect({ target, isNowhere: [400, 404].includes(status) }).toEqual({ target, isNowhere: true });
      expect(text).not.toMatch(/"rows"|dependencies/);
    }
  });

  it('asks for the key however the door is written', async () => {
    for (const target of [
      '/v1/%61dmin/cache',
      '/v1/admin/%63ache',
      '/v1/admin/cache?',
      '/v1/admin/cache?x=/v1/products',
      '/v1/admin/cache#x',
      'http://shop.example/v1/admin/cache',
      'HTTPS://user:pw@other.example:1/v1/admin/cache',
    ]) {
      const { status } = await ask(target);
      expect({ target, isClosed: [400, 401, 404].includes(status) }).toEqual({ target, isClosed: true });
    }
    for (const header of [
      'x-original-url',
      'x-rewrite-url',
      'x-forwarded-prefix',
      'x-http-method-override',
      'x-forwarded-for',
      'forwarded',
      'x-real-ip',
    ])
      expect((await ask('/v1/admin/cache', { [header]: header.includes('url') ? '/v1/products' : '127.0.0.1' })).status).toBe(401);
  });

  it('is the same answer in absolute form, which names nobody else', async () => {
    await shop.create('lamp');
    const plain = await ask('/v1/products/lamp');
    const absolute = await ask('http://evil.example/v1/products/lamp');
    expect([absolute.status, absolute.text, absolute.headers['cache-control']]).toEqual([200, plain.text, 'private, no-cache']);
    expect(absolute.text).not.toContain('evil.example');
  });

  it('is not another method because a header or a query says so', async () => {
    const { id } = await shop.create('stays');
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override'])
      await ask(`/v1/admin/products/${id}`, { ...asAdmin, [name]: 'DELETE' });
    expect((await ask(`/v1/admin/products/${id}?_method=DELETE`, asAdmin)).status).toBe(400);
    expect((await ask('/v1/products/stays')).status).toBe(200);
  });
});
