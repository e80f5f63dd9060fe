import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/routes/problems.js';
import { asAdmin } from '../harness/service.js';
import { rawRequest } from '../plugins/raw-request.js';
import { openShop } from '../routes/open-shop.js';

const megabyte = 2 ** 20;

describe('a body that is meant to hurt', () => {
  const shop = openShop({ redis: false });

  async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}, method = 'POST') {
    const all = { host: 'x', ...asAdmin, 'content-type': 'application/json', ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await rawRequest(
      shop.service.url,
      Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`), Buffer.from(body)]),
    );
    if (answer.status >= 400) Problem.parse(answer.body);
    return answer;
  }
  const isAlive = async () => (await shop.http.get('/health/live')).status === 200;

  it.each(['[', '{"a":', '{"slugs":[', '[{"a":'])(
    'is refused where it nests a hundred thousand levels of %s, and the process lives',
    async (level) => {
      for (const path of ['/v1/products/batch', '/v1/quotes', '/v1/admin/products']) {
        expect((await post(path, level.repeat(100_000))).status).toBe(400);
        expect((await post(path, `{"attributes":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`)).status).toBe(400);
      }
      expect(await isAlive()).toBe(true);
    },
  );

  it('is bounded by bytes however it is said: keys, numbers, strings, blanks', async () => {
    const many = Array.from({ length: 60_000 }, (_, i) => `"k${i}":${i}`).join();
    for (const body of [
      `{${many}}`,
      `{"slugs":[${'1,'.repeat(500_000)}1]}`,
      `{"slugs":["${'a'.repeat(megabyte)}"]}`,
      `{"slugs":[${'9'.repeat(megabyte)}]}`,
    ])
      expect((await post('/v1/products/batch', body)).status).toBe(400);
    expect((await post('/v1/products/batch', `{"slugs":["a"]}${' '.repeat(megabyte)}`)).status).toBe(200);
    expect((await post('/v1/products/batch', ' '.repeat(2 * megabyte + 1))).status).toBe(413);
    expect(await isAlive()).toBe(true);
  });

  it('is answered at once where a text of it is long and ends badly', async () => {
    const long = 'a'.repeat(megabyte);
    for (const text of [`${long}\\u0000`, `${' '.repeat(megabyte)}`, `${'-'.repeat(megabyte)}`, `<${long}`]) {
      const { status } = await post('/v1/admin/products', `{"title":"${text}","brand":"${text.slice(0, megabyte / 2)}"}`);
      expect([400, 422]).toContain(status);
    }
    for (const name of ['q', 'brand', 'tag', 'category', 'cursor', 'option.Size'])
      expect(
        (await rawRequest(shop.service.url, `GET /v1/products?${name}=${'a'.repeat(15_000)}%00 HTTP/1.1\r\nhost: x\r\n\r\n`)).status,
      ).toBeGreaterThanOrEqual(400);
    expect((await rawRequest(shop.service.url, `GET /v1/products?q=${'%20'.repeat(2_500)} HTTP/1.1\r\nhost: x\r\n\r\n`)).status).toBe(400);
  });

  it('is never unpacked: what it would grow to does not matter', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * megabyte, ' '));
    expect(bomb.length).toBeLessThan(100_000);
    for (const coding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x-gzip', 'nonsense']) {
      for (const [path, method] of [
        ['/v1/products/batch', 'POST'],
        ['/v1/quotes', 'POST'],
        ['/v1/admin/products', 'POST'],
      ] as const) {
        const { status, body } = await post(path, bomb, { 'content-encoding': coding }, method);
        expect({ coding, path, status, code: Problem.parse(body).code }).toEqual({ coding, path, status: 415, code: 'unsupported_media' });
      }
      const csv = await post('/v1/admin/imports', bomb, { 'content-encoding': coding, 'content-type': 'text/csv' });
      expect([coding, csv.status]).toEqual([coding, 415]);
    }
    expect((await post('/v1/products/batch', '{"slugs":["a"]}', { 'content-encoding': 'identity' })).status).toBe(200);
  });

  it('is refused where its bytes are not UTF-8, or where its type says that they are something else', async () => {
    for (const bytes of ['\xff', '\xc0\x80', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xe2\x82']) {
      const body = Buffer.from(`{"slugs":["${bytes}"]}`, 'latin1');
      expect({ bytes, status: (await post('/v1/products/batch', body)).status }).toEqual({ bytes, status: 400 });
    }
    const wide = Buffer.from('\ufeff{"slugs":["a"]}', 'utf16le');
    expect((await post('/v1/products/batch', wide)).status).toBe(400);
    expect((await post('/v1/products/batch', Buffer.from('\ufeff{"slugs":["a"]}'))).status).toBeLessThan(500);
  });
});
