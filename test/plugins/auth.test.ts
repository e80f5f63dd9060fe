import { describe, expect, it } from 'vitest';
import { adminKey } from '../harness/service.js';
import { openShop, type Shop } from '../routes/open-shop.js';

/** None, wrong ones, parts of the right one, and the right one said wrongly. */
const wrongKeys = [
  undefined,
  `Bearer ${adminKey.slice(0, -1)}x`,
  `Bearer ${adminKey}x`,
  `Bearer ${adminKey.slice(0, -1)}`,
  adminKey,
  `Basic ${Buffer.from(`admin:${adminKey}`).toString('base64')}`,
  'Bearer ',
];

function adminRoutes(shop: Shop) {
  return shop.service.routes.filter(({ url, isRefusal }) => url.startsWith('/v1/admin') && !isRefusal);
}

/** Sent with neither a usable path nor a usable body: the key comes before both. */
async function ask(shop: Shop, method: string, url: string, authorization?: string): Promise<Response> {
  const headers = { ...(authorization !== undefined && { authorization }), ...(method !== 'GET' && method !== 'HEAD' && { 'idempotency-key': 'a' }) };
  return fetch(`${shop.service.url}${url.replaceAll(/:\w+/g, 'nobody')}`, { method, headers, signal: AbortSignal.timeout(5_000) });
}

describe('the routes of the admin', () => {
  const shop = openShop({ redis: false });

  it('are all under the key, whatever the key lacks', async () => {
    const routes = adminRoutes(shop);
    expect(routes.length).toBeGreaterThan(12);
    for (const { method, url } of routes) {
      for (const authorization of wrongKeys) {
        const answer = await ask(shop, method, url, authorization);
        expect({ method, url, authorization, status: answer.status }).toEqual({ method, url, authorization, status: 401 });
        expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="truetag"');
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        if (method !== 'HEAD')
          expect(await answer.json()).toMatchObject({
            status: 401,
            title: 'Unauthorized',
            code: 'unauthorized',
            requestId: answer.headers.get('x-request-id'),
          });
      }
    }
  });

  it('get to the request itself with the key', async () => {
    for (const { method, url } of adminRoutes(shop)) {
      const { status } = await ask(shop, method, url, `Bearer ${adminKey}`);
      expect({ method, url, status: status < 500 && status !== 401 }).toEqual({ method, url, status: true });
    }
    expect((await ask(shop, 'GET', '/v1/admin/cache', `bearer   ${adminKey}`)).status).toBe(200);
  });

  it('leave the storefront open', async () => {
    for (const url of ['/v1/products', '/v1/categories', '/openapi.json', '/health/ready', '/docs'])
      expect((await ask(shop, 'GET', url)).status).toBe(200);
  });

  it('do not show the key, nor what was sent for one', async () => {
    const answer = await ask(shop, 'GET', '/v1/admin/cache', 'Bearer something-secret');
    expect(await answer.text()).not.toMatch(new RegExp(`something-secret|${adminKey}`));
  });
});

describe('a service without a key', () => {
  const shop = openShop({ redis: false, config: { adminApiKey: undefined } });

  it('lets nobody into the admin, whatever is sent', async () => {
    for (const { method, url } of adminRoutes(shop)) {
      for (const authorization of [undefined, 'Bearer ', 'Bearer undefined', `Bearer ${adminKey}`])
        expect((await ask(shop, method, url, authorization)).status).toBe(401);
    }
    expect(await (await ask(shop, 'GET', '/v1/admin/cache')).json()).toMatchObject({ detail: expect.stringContaining('Admin is off') });
  });
});
