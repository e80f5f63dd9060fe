import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../harness/redis.js';
import { type Service, startService } from '../harness/service.js';
import { type RawAnswer, rawRequest } from '../plugins/raw-request.js';
import { openShop } from '../routes/open-shop.js';

/** What a request may say of the answer that it gets itself. Everything else in its head changes no byte of it. */
const declared = {
  'if-none-match': '*',
  'x-request-id': 'attack',
  expect: 'a-miracle',
  connection: 'close',
  'content-length': '0',
};

const others = Object.entries({
  host: 'evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'gopher',
  'x-forwarded-port': '1',
  'x-forwarded-prefix': '/evil',
  'x-forwarded-for': '127.0.0.1',
  'x-real-ip': '127.0.0.1',
  forwarded: 'for=1.1.1.1;host=evil.example;proto=gopher',
  'x-host': 'evil.example',
  'x-original-url': '/v1/admin/cache',
  'x-rewrite-url': '/v1/admin/cache',
  'x-original-host': 'evil.example',
  'x-http-method-override': 'DELETE',
  'x-method-override': 'POST',
  accept: 'text/html',
  'accept-language': 'de',
  'accept-charset': 'utf-16',
  'accept-encoding': 'gzip',
  'content-type': 'text/html',
  range: 'bytes=0-3',
  'if-range': '"1.1"',
  'if-match': '"999"',
  'if-modified-since': 'Thu, 01 Jan 2099 00:00:00 GMT',
  'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT',
  'cache-control': 'no-store, max-age=0, only-if-cached',
  pragma: 'no-cache',
  origin: 'https://evil.example',
  referer: 'https://evil.example',
  cookie: 'currency=EUR; session=1',
  authorization: 'Bearer nonsense',
  'user-agent': '<script>alert(1)</script>',
  'x-currency': 'EUR',
  'x-wap-profile': 'http://evil.example/x',
  'x-accel-redirect': '/etc/passwd',
  'x-sendfile': '/etc/passwd',
  'cf-connecting-ip': '1.1.1.1',
  via: '1.1 evil.example',
  te: 'trailers',
  upgrade: 'h2c',
  'upgrade-insecure-requests': '1',
  prefer: 'return=minimal',
  'x-debug': '1',
  'cache-status': 'evil; hit',
  etag: '"evil"',
  location: 'https://evil.example',
  'x-bytes': '\xff\xfe',
});

/** What may differ between two answers to the same question. */
const volatile = new Set(['x-request-id', 'date', 'cache-status', 'keep-alive', 'connection']);
const essence = ({ status, headers, text }: RawAnswer) => ({
  status,
  text,
  headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !volatile.has(name))),
});
const withoutId = (text: string) => text.replace(/"requestId":"[^"]*"/, '');

describe('an answer that is kept', () => {
  const shop = openShop();
  /** The second shares Redis with the attacked one; the third shares nothing, and nobody attacks it. */
  let second: Service;
  let untouched: Service;
  const every = [...Object.entries(declared), ...others];

  beforeAll(async () => {
    for (let i = 0; i < every.length; i += 1) {
      const { id } = await shop.create(`once-${i}`, { categories: [{ slug: `category-${i}`, title: 'Category' }], tags: [`tag-${i}`] });
      await shop.patch(id, { slug: `lamp-${i}` });
    }
    second = await startService(shop.databaseUrl, { redisUrl: redisUrl() });
    untouched = await startService(shop.databaseUrl);
  }, 120_000);
  afterAll(async () => {
    await second?.close();
    await untouched?.close();
  });

  const ask = (url: string, path: string, headers: Record<string, string> = {}) => {
    const lines = Object.entries({ host: 'shop.example', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return rawRequest(url, Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'));
  };
  const pathsOf = (i: number) => [
    `/v1/products/lamp-${i}`,
    `/v1/products/lamp-${i}?currency=EUR`,
    `/v1/products/once-${i}`,
    `/v1/products/nobody-${i}`,
    `/v1/products?tag=tag-${i}&limit=2`,
    `/v1/categories/category-${i}`,
  ];

  it('is the same for everybody else, whatever head the one had who had it put there', async () => {
    for (const [i, [name, value]] of every.entries()) {
      for (const path of pathsOf(i)) {
        await ask(shop.service.url, path, { [name]: value });
        const truth = essence(await ask(untouched.url, path));
        for (const { url } of [shop.service, second]) {
          const seen = essence(await ask(url, path));
          expect({ name, path, ...seen, text: withoutId(seen.text) }).toEqual({ name, path, ...truth, text: withoutId(truth.text) });
        }
      }
    }
  }, 120_000);

  it('is the same for the one who asks as well, unless the head says one of the few declared things', async () => {
    for (const [i, [name, value]] of others.entries()) {
      for (const path of pathsOf(i)) {
        const truth = essence(await ask(untouched.url, path));
        const seen = essence(await ask(shop.service.url, path, { [name]: value }));
        expect({ name, path, ...seen, text: withoutId(seen.text) }).toEqual({ name, path, ...truth, text: withoutId(truth.text) });
      }
    }
    expect((await ask(shop.service.url, '/v1/products/lamp-0', { 'if-none-match': '*' })).status).toBe(304);
    expect((await ask(shop.service.url, '/v1/products/lamp-0', { expect: 'a-miracle' })).status).toBe(417);
  }, 120_000);

  it('is one answer however its question is written, and none where it is asked twice', async () => {
    const first = await ask(shop.service.url, '/v1/products?limit=3&currency=USD&sort=title&tag=tag-1');
    for (const query of [
      'tag=tag-1&sort=title&currency=USD&limit=3',
      '%74ag=%74ag-1&sort=titl%65&limit=3',
      'limit=3&sort=title&tag=tag-1&currency=USD',
    ]) {
      const again = await ask(shop.service.url, `/v1/products?${query}`);
      expect([again.text, again.headers['cache-status']]).toEqual([first.text, 'truetag; hit; detail=memory']);
    }
    const product = await ask(shop.service.url, '/v1/products/lamp-1');
    expect((await ask(shop.service.url, '/v1/products/%6camp-1')).text).toBe(product.text);
    for (const query of [
      'currency=USD&currency=EUR',
      'currency[]=USD',
      'tag=a&tag=b',
      'Currency=USD',
      'currency%00=USD',
      'option.Size=M&option.Size=L',
    ])
      expect({ query, status: (await ask(shop.service.url, `/v1/products?${query}`)).status }).toEqual({ query, status: 400 });
    for (const [one, other] of [
      ['tag=a%26sort%3Dtitle', 'tag=a&sort=title'],
      ['option.a=b%26option.c%3Dd', 'option.a=b&option.c=d'],
      ['q=a%2Fb', 'q=a/c'],
      ['tag=x%3Ay', 'brand=x%3Ay'],
    ]) {
      await ask(shop.service.url, `/v1/products?${one}`);
      expect({ other, status: (await ask(shop.service.url, `/v1/products?${other}`)).headers['cache-status'] }).toEqual({
        other,
        status: 'truetag; fwd=miss; stored',
      });
    }
  });

  it('is not left out for a validator that is none', async () => {
    const { headers, text } = await ask(shop.service.url, '/v1/products/lamp-2');
    const etag = headers['etag'] ?? '';
    for (const given of [
      '',
      ',',
      '"',
      '""',
      etag.slice(1),
      etag.slice(0, -1),
      etag.replaceAll('"', ''),
      etag.replaceAll('"', "'"),
      `w/${etag}`,
      `"x${etag}x"`,
      `${'"x",'.repeat(3_000)}"y"`,
      '**',
      '"*"',
      'W/*',
    ]) {
      const answer = await ask(shop.service.url, '/v1/products/lamp-2', { 'if-none-match': given });
      expect({ given, status: answer.status, text: answer.text }).toEqual({ given, status: 200, text });
    }
    for (const given of [etag, `W/${etag}`, `"x", ${etag}`, `${'"x",'.repeat(3_000)}${etag}`, '*']) {
      const answer = await ask(shop.service.url, '/v1/products/lamp-2', { 'if-none-match': given });
      expect({ given, status: answer.status, text: answer.text, etag: answer.headers['etag'] }).toEqual({ given, status: 304, text: '', etag });
    }
  });
});
