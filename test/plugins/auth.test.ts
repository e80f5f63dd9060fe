import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { allScopes, type Scope } from '../../src/access/scope.js';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { authPlugin } from '../../src/plugins/auth.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

/** None, wrong ones, parts of the right one, and the right one said wrongly. */
const wrongKeys = [
  undefined,
  `Bearer ${adminKey.slice(0, -1)}x`,
  `Bearer ${adminKey}x`,
  `Bearer ${adminKey.slice(0, -1)}`,
  `Bearer ttk_0123456789_${'a'.repeat(48)}`,
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
  adminKey,
  `Basic ${Buffer.from(`admin:${adminKey}`).toString('base64')}`,
  'Bearer ',
];

interface Route {
  method: string;
  url: string;
  isRefusal: boolean;
  scope: Scope | undefined;
}

function adminRoutes({ routes }: { routes: readonly Route[] }) {
  return routes.filter(({ url, isRefusal }) => url.startsWith('/v1/admin') && !isRefusal);
}

/**
 * Sent with neither a usable path nor a usable body: the key comes before both. Its answer is taken whole: for the next request beside one that is
 * not, fetch opens a connection that it may never use, and the service waits for it as it closes.
 */
async function ask(base: string, method: string, url: string, authorization?: string): Promise<{ status: number; headers: Headers; text: string }> {
  const headers = { ...(authorization !== undefined && { authorization }), ...(method !== 'GET' && method !== 'HEAD' && { 'idempotency-key': 'a' }) };
  const answer = await fetch(`${base}${url.replaceAll(/:\w+/g, 'nobody')}`, { method, headers, signal: AbortSignal.timeout(5_000) });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function makeKey(base: string, scopes: readonly Scope[]): Promise<string> {
  const headers = { ...asAdmin, 'content-type': 'application/json' };
  const answer = await fetch(`${base}/v1/admin/keys`, { method: 'POST', headers, body: JSON.stringify({ name: 'walker', scopes }) });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { key: string }).key;
}

/**
 * Every route of the admin with every scope alone, with all scopes but each, and with no key: where the answer is another than the declared
 * scope calls for.
 */
async function walk(base: string, routes: readonly Route[]): Promise<string[]> {
  const faults: string[] = [];
  const alone = new Map<Scope, string>();
  const without = new Map<Scope, string>();
  for (const scope of allScopes) {
    alone.set(scope, await makeKey(base, [scope]));
    without.set(
      scope,
      await makeKey(
        base,
        allScopes.filter((other) => other !== scope),
      ),
    );
  }
  for (const { method, url, scope } of routes) {
    const expectStatus = async (key: string | undefined, isRight: (status: number) => boolean, what: string) => {
      const { status } = await ask(base, method, url, key && `Bearer ${key}`);
      if (!isRight(status)) faults.push(`${method} ${url} answers ${status} ${what}`);
    };
    await expectStatus(undefined, (status) => status === 401, 'without a key');
    for (const [name, key] of alone) {
      if (name === scope) await expectStatus(key, (status) => status < 500 && status !== 401 && status !== 403, `with ${name} alone`);
      else await expectStatus(key, (status) => status === 403, `with ${name} alone`);
    }
    for (const [name, key] of without) {
      if (name === scope) await expectStatus(key, (status) => status === 403, `without ${name}`);
      else await expectStatus(key, (status) => status < 500 && status !== 401 && status !== 403, `without ${name}`);
    }
  }
  return faults;
}

describe('the routes of the admin', () => {
  const shop = openShop({ redis: false, config: { wrongKeysPerMinute: 10_000 } });

  it('are all under the key, whatever the key lacks', async () => {
    const routes = adminRoutes(shop.service);
    expect(routes.length).toBeGreaterThan(20);
    for (const { method, url } of routes) {
      for (const authorization of wrongKeys) {
        const answer = await ask(shop.service.url, method, url, authorization);
        expect({ method, url, authorization, status: answer.status }).toEqual({ method, url, authorization, status: 401 });
        expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="truetag"');
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        if (method !== 'HEAD')
          expect(JSON.parse(answer.text)).toMatchObject({
            status: 401,
            title: 'Unauthorized',
            code: 'unauthorized',
            requestId: answer.headers.get('x-request-id'),
          });
      }
    }
  });

  it('get to the request itself with the key', async () => {
    for (const { method, url } of adminRoutes(shop.service)) {
      const { status } = await ask(shop.service.url, method, url, `Bearer ${adminKey}`);
      expect({ method, url, status: status < 500 && status !== 401 }).toEqual({ method, url, status: true });
    }
    expect((await ask(shop.service.url, 'GET', '/v1/admin/cache', `bearer   ${adminKey}`)).status).toBe(200);
  });

  it('ask each for the scope that it is about', () => {
    const declared = adminRoutes(shop.service).map(({ method, url, scope }) => `${method} ${url} ${scope}`);
    expect(declared.filter((line) => !line.startsWith('HEAD')).toSorted()).toEqual(
      [
        'DELETE /v1/admin/keys/:id keys:admin',
        'DELETE /v1/admin/products/:id catalog:write',
        'GET /v1/admin/cache cache:read',
        'GET /v1/admin/imports/:id imports:read',
        'GET /v1/admin/keys keys:admin',
        'GET /v1/admin/keys/:id keys:admin',
        'GET /v1/admin/price-writes cache:read',
        'GET /v1/admin/products/:id catalog:read',
        'GET /v1/admin/variants catalog:read',
        'PATCH /v1/admin/products/:id catalog:write',
        'PATCH /v1/admin/variants/:id/price prices:write',
        'POST /v1/admin/imports imports:write',
        'POST /v1/admin/keys keys:admin',
        'POST /v1/admin/keys/:id/rotate keys:admin',
        'POST /v1/admin/products catalog:write',
        'PUT /v1/admin/inventory/:variantId inventory:write',
      ].toSorted(),
    );
  });

  it('let every key in whose scope they declare, and no other', async () => {
    const routes = adminRoutes(shop.service);
    expect(new Set(routes.map(({ scope }) => scope))).toEqual(new Set(allScopes));
    const said = /\| (\d+) routes, (\d+) scopes \|/.exec(readFileSync('README.md', 'utf8'))?.slice(1);
    expect(said).toEqual([routes.filter(({ method }) => method !== 'HEAD').length, allScopes.length].map(String));
    expect(await walk(shop.service.url, routes)).toEqual([]);
  }, 60_000);

  it('name the scope that is missing', async () => {
    const key = await makeKey(shop.service.url, ['catalog:read']);
    const answer = await ask(shop.service.url, 'PUT', '/v1/admin/inventory/:variantId', `Bearer ${key}`);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ status: 403, code: 'missing_scope', detail: expect.stringContaining('inventory:write') });
  });

  it('leave the storefront open', async () => {
    for (const url of ['/v1/products', '/v1/categories', '/openapi.json', '/health/ready', '/docs'])
      expect((await ask(shop.service.url, 'GET', url)).status).toBe(200);
  });

  it('do not show the key, nor what was sent for one', async () => {
    const answer = await ask(shop.service.url, 'GET', '/v1/admin/cache', 'Bearer something-secret');
    expect(answer.text).not.toMatch(new RegExp(`something-secret|${adminKey}`));
  });

  /** What the walk finds where the sources say something else. */
  async function walkEdited(edits: readonly Edit[]): Promise<string[]> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const limits = { RATE_LIMIT_ADMIN: '0', MAX_UNDER_WAY_PER_KEY: '0' };
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey, ...limits });
    const { fastify, routes } = await createApp({ ...config, databaseUrl: shop.databaseUrl });
    try {
      const base = await fastify.listen({ host: '127.0.0.1', port: 0 });
      return await walk(
        base,
        adminRoutes({ routes }).filter(({ url }) => url === '/v1/admin/cache'),
      );
    } finally {
      await fastify.close();
    }
  }

  it('would be caught letting any key in, were the scope not asked for', async () => {
    const edit: Edit = { file: 'src/plugins/auth.ts', from: '      requireScope(request.caller, scope as Scope);\n', to: '' };
    expect(await walkEdited([edit])).toContain('GET /v1/admin/cache answers 200 without cache:read');
  }, 30_000);

  it('would be caught letting anybody in, were one that declares nothing let through', async () => {
    const edits: Edit[] = [
      { file: 'src/plugins/auth.ts', from: '(scope === undefined && !isAdmin(route.url))', to: 'scope === undefined' },
      { file: 'src/routes/admin-cache.ts', from: "      config: { scope: 'cache:read' },\n", to: '' },
    ];
    expect(await walkEdited(edits)).toContain('GET /v1/admin/cache answers 200 without a key');
  }, 30_000);

  it('stop the start where one declares nothing', async () => {
    const edits: Edit[] = [{ file: 'src/routes/admin-cache.ts', from: "      config: { scope: 'cache:read' },\n", to: '' }];
    await expect(walkEdited(edits)).rejects.toThrow('GET /v1/admin/cache declares no scope');
  }, 30_000);
});

describe('a route', () => {
  const plugin = {
    identify: async () => ({ keyId: 'env', name: 'all', scopes: allScopes, kind: 'env' as const, end: null }),
    requireScope: () => {},
    isScope: (name: string) => (allScopes as readonly string[]).includes(name),
  };
  const start = async (url: string, config: object) => {
    const app = Fastify();
    await app.register(authPlugin, plugin);
    app.register(async (scoped) => scoped.get(url, { config }, async ({ caller }) => caller), { prefix: '/v1' });
    await app.ready();
    return app;
  };

  it.each([
    ['/admin', {}],
    ['/admin/new', {}],
    ['/admin/:id', {}],
    ['/admin/new', { scope: 'prices:wriet' }],
    ['/admin/new', { scope: 'prices:write', scopesOfBody: { everything: () => true } }],
    ['/new', { scope: 'everything' }],
  ])('at %s with %o stops the start', async (url, config) => {
    await expect(start(url, config)).rejects.toThrow(/GET \/v1\/\S+ declares no scope/);
  });

  it('knows who calls where it declares a scope, and is open elsewhere', async () => {
    const app = await start('/admin/new', { scope: 'prices:write' });
    expect((await app.inject('/v1/admin/new')).json()).toMatchObject({ keyId: 'env', kind: 'env' });
    expect((await (await start('/administration', {})).inject('/v1/administration')).json()).toBeNull();
  });
});

describe('a service without a key', () => {
  const shop = openShop({ redis: false, config: { adminApiKey: undefined, wrongKeysPerMinute: 10_000 } });
  const without = async () => JSON.parse((await ask(shop.service.url, 'GET', '/v1/admin/cache')).text) as { detail: string };

  it('lets nobody into the admin, whatever is sent', async () => {
    for (const { method, url } of adminRoutes(shop.service)) {
      for (const authorization of [undefined, 'Bearer ', 'Bearer undefined', `Bearer ${adminKey}`])
        expect((await ask(shop.service.url, method, url, authorization)).status).toBe(401);
    }
    expect(await without()).toMatchObject({ detail: expect.stringContaining('Admin is off') });
    expect(await shop.service.isAdminOff()).toBe(true);
  });
});
