import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/routes/problems.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { rawRequest } from './raw-request.js';

const nobody = '0198c000-0000-7000-8000-000000000000';

describe('what cannot be answered', () => {
  const shop = openShop({ redis: false });

  /** One answer to bytes; whatever it is, a problem whose members agree with its headers. */
  async function problem(head: string, body: string | Buffer = '', headers: Record<string, string> = {}) {
    const lines = Object.entries({ host: 'shop.example', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await rawRequest(shop.service.url, Buffer.concat([Buffer.from(`${head} HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(body)]));
    const { status, title, requestId, ...rest } = Problem.parse(answer.body);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(status).toBe(answer.status);
    expect(title.length).toBeGreaterThan(5);
    expect(requestId).toBe(answer.headers['x-request-id']);
    expect(answer.text).not.toMatch(/\bat \/|node_modules|SELECT |127\.0\.0\.1|\.ts\b/);
    return { ...answer, ...rest, status };
  }
  const send = (method: string, path: string, body: string | Buffer, type = 'application/json') =>
    problem(`${method} ${path}`, body, { ...asAdmin, 'content-length': String(Buffer.byteLength(body)), ...(type && { 'content-type': type }) });

  it.each(['/', '/v2/products', '/v1', '/v1/', '/v1/products/a/b', '/v1/admin/nothing', '/V1/products', '//v1/products', '/v1/suggestions'])(
    'is nowhere at %s',
    async (path) => {
      const { status, code, headers } = await problem(`GET ${path}`);
      expect([status, code]).toEqual([404, 'not_found']);
      expect(headers['cache-control']).toBe(path.startsWith('/v1/') ? 'private, no-cache' : undefined);
    },
  );

  it('is another method than each path knows, which says the ones it does', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
    const paths = [...new Set(shop.service.routes.map(({ url }) => url))].filter((url) => !url.startsWith('/docs'));
    for (const path of paths) {
      const known = methods.filter((method) =>
        shop.service.routes.some((route) => route.url === path && route.method === method && !route.isRefusal),
      );
      for (const method of methods.filter((name) => !known.includes(name) && name !== 'HEAD')) {
        if (path === '/v1/products/batch' && method === 'GET') continue;
        const { status, code, headers } = await problem(`${method} ${path.replaceAll(/:\w+/g, 'x')}`);
        expect({ path, method, status, code }).toEqual({ path, method, status: 405, code: 'method_not_allowed' });
        for (const name of known) expect(headers['allow']?.split(', ')).toContain(name);
        expect(headers['allow']?.split(', ')).not.toContain(method);
      }
    }
    expect((await problem('DELETE /v1/products/batch')).headers['allow']).toBe('GET, HEAD, POST');
  });

  it.each([
    ['no body', ''],
    ['half an object', '{"slugs":["a"]'],
    ['no JSON', 'slugs=a'],
    ['JSON and more', '{"slugs":["a"]} {}'],
    ['a NUL', '\0'],
    ['a prototype', '{"slugs":["a"],"__proto__":{"currency":"USD"}}'],
    ['a prototype further down', '{"slugs":[{"__proto__":1}]}'],
    ['the prototype of a constructor', '{"constructor":{"prototype":{"x":1}},"slugs":["a"]}'],
    ['bytes that are not UTF-8', Buffer.from('{"slugs":["\xff"]}', 'latin1')],
    ['more levels than any document has', `{"slugs":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
    ['a hundred thousand levels', '{"a":'.repeat(100_000)],
    ['null', 'null'],
  ])('is a body with %s', async (_, body) => {
    expect((await send('POST', '/v1/products/batch', body)).status).toBe(400);
  });

  it('is a body of another type, or of none', async () => {
    for (const [path, method] of [
      ['/v1/products/batch', 'POST'],
      ['/v1/quotes', 'POST'],
      [`/v1/admin/products/${nobody}`, 'PATCH'],
      [`/v1/admin/inventory/${nobody}`, 'PUT'],
    ] as const) {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/merge-patch+json', 'text/csv', 'nonsense', '']) {
        expect({ path, type, ...(({ status, code }) => ({ status, code }))(await send(method, path, '{}', type)) }).toEqual({
          path,
          type,
          status: 415,
          code: 'unsupported_media',
        });
      }
    }
  });

  it('is a body too large, said or sent', async () => {
    const said = await problem('POST /v1/quotes', '{}', { 'content-type': 'application/json', 'content-length': '3000000' });
    expect([said.status, said.code, said.headers['connection']]).toEqual([413, 'too_large', 'close']);
    const chunk = `${(2 ** 20).toString(16)}\r\n${' '.repeat(2 ** 20)}\r\n`;
    const sent = await problem('POST /v1/quotes', chunk.repeat(3), { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    expect([sent.status, sent.code]).toEqual([413, 'too_large']);
  });

  it.each([
    '/v1/products/%ff',
    '/v1/products/%',
    '/v1/products/%ED%A0%80',
    '/v1/products?q=%ff',
    '/v1/products?q=%',
    '/nowhere?a=%c0%80',
    '/v1/products/a%2Fb',
    '/v1/products/%00',
    '/v1/inventory/%00',
  ])('is a URL that cannot be decoded to what it names: %s', async (path) => {
    expect((await problem(`GET ${path}`)).status).toBe(400);
  });

  it('is a path or a header that is longer than anything we have', async () => {
    expect((await problem(`GET /v1/products/${'a'.repeat(5_000)}`)).code).toBe('uri_too_long');
    expect((await problem('GET /v1/products', '', { 'x-long': 'a'.repeat(20_000) })).code).toBe('headers_too_large');
    expect((await problem(`GET /v1/products?q=${'a'.repeat(20_000)}`)).status).toBe(431);
  });

  it('is no HTTP, or HTTP that contradicts itself', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET /v1/products HTTP/1.1\r\n\r\n',
      'POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\r\n\r\n',
    ]) {
      const answer = await rawRequest(shop.service.url, bytes);
      expect({ bytes, status: answer.status, problem: Problem.parse(answer.body).status }).toEqual({ bytes, status: 400, problem: 400 });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('is a query on a call that has no parameters', async () => {
    for (const [method, path] of [
      ['GET', '/v1/categories'],
      ['GET', `/v1/inventory/${nobody}`],
      ['GET', '/v1/admin/cache'],
      ['GET', '/v1/admin/price-writes'],
      ['DELETE', `/v1/admin/products/${nobody}`],
    ] as const) {
      const answer = await problem(`${method} ${path}?unheard-of=1`, '', asAdmin);
      expect({ path, status: answer.status, errors: answer.errors }).toEqual({
        path,
        status: 400,
        errors: [{ path: 'unheard-of', message: expect.any(String) }],
      });
    }
  });

  it('is a write with an Idempotency-Key, until keys are kept', async () => {
    for (const [method, path] of [
      ['POST', '/v1/admin/products'],
      ['PATCH', `/v1/admin/products/${nobody}`],
      ['PUT', `/v1/admin/inventory/${nobody}`],
      ['POST', '/v1/admin/imports'],
    ] as const) {
      const answer = await problem(`${method} ${path}`, '{}', {
        ...asAdmin,
        'content-type': 'application/json',
        'content-length': '2',
        'idempotency-key': 'a',
      });
      expect([answer.status, answer.errors]).toEqual([400, [{ path: 'idempotency-key', message: expect.any(String) }]]);
    }
  });

  it('names every fault of a body by its path', async () => {
    const { errors, detail } = await send('POST', '/v1/quotes', JSON.stringify({ lines: [{ variantId: 'x', quantity: 0, gift: 1 }], group: 'b2b' }));
    expect(errors?.map(({ path }) => path).toSorted()).toEqual(['currency', 'group', 'lines.0.gift', 'lines.0.quantity', 'lines.0.variantId']);
    expect(detail).toContain('lines.0.gift');
  });
});
