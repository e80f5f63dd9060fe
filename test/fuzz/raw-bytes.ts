import fc from 'fast-check';
import type { Kind } from './known.js';

/** Bytes that are a request only nearly, or one to a path that only looks like one of ours. `known` marks where a name of something goes in. */
export interface RawBytes {
  bytes: (pick: (kind: Kind) => string) => Buffer;
}

const host = 'host: shop.example\r\n';
const request = (target: string, head = '', method = 'GET') => `${method} ${target} HTTP/1.1\r\n${host}${head}\r\n`;

const targets = fc.constantFrom(
  ...['//v1/products', '/v1//products', '/v1/products/', '/V1/products', '/v1/./products', '/v1/x/../products', '/v1/products/%2e%2e/admin/cache'],
  ...['/v1/products/..%2fadmin', '/v1/products/..%2f..%2fv1%2fadmin%2fcache', '/v1/products/%2e', '/v1/products/..', '/v1/products/..;/admin/cache'],
  ...['/v1/products;a=b', '/v1/products/%00', '/v1/products/a%00b', '/v1/products/%', '/v1/products/%zz', '/v1/products/%ff', '/v1/products/%u002f'],
  ...[
    '/v1/products\\..\\admin',
    '/v1/products#x',
    '/v1/products?#',
    '*',
    'v1/products',
    'http://evil.example/v1/products',
    'HTTP://x/v1/admin/cache',
  ],
  ...[
    'http://shop.example@evil.example/v1/categories',
    'http:///v1/products',
    'https://x',
    '/docs/..%2f..%2fetc/passwd',
    '/docs/static/%2e%2e/package.json',
  ],
  ...[
    '/docs/static/../../package.json',
    '/openapi.json/',
    '/openapi.json%00',
    '/media/demo/..%2f..%2fsecret.svg',
    '/media/demo/a.svg.',
    '/health/live%20',
  ],
  ...[
    '/v1/admin/cache%2f',
    '/v1/admin%2fcache',
    '/v1/%61dmin/cache',
    '/v1/admin/./cache',
    '/v1/admin/cache;',
    '/v1/admin//cache',
    '/%2fv1/admin/cache',
  ],
);

const headerLines = fc.constantFrom(
  ...[
    '',
    'content-length: 0\r\n',
    'transfer-encoding: chunked\r\ncontent-length: 5\r\n',
    'content-length: 5\r\ncontent-length: 6\r\n',
    'content-length: +5\r\n',
  ],
  ...[
    'content-length: 5, 5\r\n',
    'content-length: 0x5\r\n',
    'transfer-encoding: identity\r\n',
    'transfer-encoding: chunked, identity\r\n',
    'transfer-encoding : chunked\r\n',
  ],
  ...[
    'transfer-encoding:\x0bchunked\r\n',
    'x-a: b\r\n folded\r\n',
    ' x: leading\r\n',
    'x y: z\r\n',
    ': empty\r\n',
    'x\0: y\r\n',
    'x: a\0b\r\n',
    'x: a\nb: c\r\n',
  ],
  ...[
    'host: second.example\r\n',
    'expect: 100-continue\r\n',
    'connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n',
    'x: \xff\xfe\r\n',
  ],
);

const wrongFirstLines = fc.constantFrom(
  ...[
    'GET / HTTP/1.2\r\n',
    'GET / HTTP/9.9\r\n',
    'GET /\r\n',
    'get / HTTP/1.1\r\n',
    'GET  / HTTP/1.1\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n',
    'GET / HTTP/1.1\r',
    'FOO / HTTP/1.1\r\n',
  ],
  ...['\x16\x03\x01\x02\0\x01\0', 'GET /v1/products\0 HTTP/1.1\r\n', '{"a":1}\r\n', 'GET / HTP/1.1\r\n', '\r\n\r\nGET /v1/categories HTTP/1.1\r\n'],
);

const anyByte = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const ends = '\r\n\r\n\r\n\r\n0\r\n\r\n';

const text: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(targets, headerLines, fc.constantFrom('GET', 'GET', 'POST', 'DELETE'))
      .map(([target, lines, method]) => request(target, lines, method)),
  },
  { weight: 3, arbitrary: fc.tuple(headerLines, headerLines).map(([a, b]) => request('/v1/products/SLUG', a + b)) },
  { weight: 2, arbitrary: fc.tuple(anyByte, fc.nat(40)).map(([bytes, place]) => spliced(request('/v1/products/SLUG?currency=USD'), bytes, place)) },
  { weight: 1, arbitrary: wrongFirstLines.map((line) => `${line}${host}\r\n`) },
  { weight: 1, arbitrary: fc.constantFrom(9_000, 20_000).map((length) => request(`/v1/products/${'a'.repeat(length)}`)) },
);

export const rawBytes: fc.Arbitrary<RawBytes> = text.map((message) => ({
  // Whatever length a server believes in, it gets as much; what is left over is refused or cut off.
  bytes: (pick) => Buffer.from(message.replace('SLUG', () => encodeURIComponent(pick('slug'))) + ends, 'latin1'),
}));

function spliced(message: string, bytes: string, place: number): string {
  return message.slice(0, place) + bytes + message.slice(place);
}
