import { describe, expect, it } from 'vitest';
import { openShop } from '../routes/open-shop.js';
import { rawRequest } from './raw-request.js';

const own = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('X-Request-Id', () => {
  const shop = openShop({ redis: false });
  const idOf = async (given: string, path = '/v1/products') => {
    const { headers } = await rawRequest(
      shop.service.url,
      Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: ${given}\r\n\r\n`, 'latin1'),
    );
    return headers['x-request-id'];
  };

  it('comes back as it was sent, on every kind of answer', async () => {
    for (const path of [
      '/v1/products',
      '/v1/products?foo=1',
      '/v1/products/nobody',
      '/nowhere',
      '/v1/products/%ff',
      '/v1/admin/cache',
      '/health/live',
      '/docs',
      '/v1/quotes',
    ]) {
      expect(await idOf('trace.1:a_b-C', path)).toBe('trace.1:a_b-C');
    }
  });

  it('is our own where none was sent, and another one each time', async () => {
    const ids = await Promise.all([1, 2].map(async () => (await shop.http.get('/v1/products')).headers['x-request-id']));
    for (const id of ids) expect(id).toMatch(own);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it.each(['', ' ', 'a b', 'a,b', '<script>', '"', '{"a":1}', 'é', '\x7f', '\t', "';DROP", 'a'.repeat(129), '../x', '%00'])(
    'is our own where %j was sent',
    async (given) => {
      expect(await idOf(given)).toMatch(own);
    },
  );

  it('is our own where two were sent', async () => {
    const { headers } = await rawRequest(shop.service.url, 'GET /v1/products HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\nx-request-id: b\r\n\r\n');
    expect(headers['x-request-id']).toMatch(own);
  });

  it('is the one in the problem', async () => {
    const { body } = await rawRequest(shop.service.url, 'GET /nowhere HTTP/1.1\r\nhost: x\r\nx-request-id: mine\r\n\r\n');
    expect(body).toMatchObject({ requestId: 'mine' });
  });
});

describe('Cache-Control', () => {
  const shop = openShop({ redis: false });

  it('stands on what is asked for in absolute form, as a proxy does it', async () => {
    const { status, headers } = await rawRequest(shop.service.url, 'GET http://shop.example/v1/categories HTTP/1.1\r\nhost: shop.example\r\n\r\n');
    expect([status, headers['cache-control']]).toEqual([200, 'private, no-cache']);
  });
});
