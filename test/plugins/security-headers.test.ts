import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { rawRequest } from './raw-request.js';

const lamp = '/v1/products/walnut-desk-lamp';
const onAnything = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const policy = "default-src 'none';frame-ancestors 'none'";

describe('every answer', () => {
  const shop = openShop({ redis: false, demo: true });
  const ask = (method: string, path: string, headers = '') => rawRequest(shop.service.url, `${method} ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);

  it('may be taken for nothing else, loads nothing and stands in no frame', async () => {
    await ask('GET', lamp);
    const answers = {
      hit: await ask('GET', lamp),
      unchanged: await ask('GET', lamp, 'if-none-match: *\r\n'),
      route: await ask('GET', `${lamp}?currency=USD`),
      listing: await ask('GET', '/v1/products'),
      health: await ask('GET', '/health/live'),
      document: await ask('GET', '/openapi.json'),
      nowhere: await ask('GET', '/nowhere'),
      refused: await ask('GET', '/v1/admin/cache'),
      otherMethod: await ask('DELETE', '/v1/products'),
      invalid: await ask('GET', '/v1/products?x=1'),
      undecodable: await ask('GET', '/v1/products/%ff'),
      tooLong: await ask('GET', `/v1/products/${'a'.repeat(5_000)}`),
      headersTooLarge: await ask('GET', '/v1/products', `x: ${'a'.repeat(20_000)}\r\n`),
      noHttp: await rawRequest(shop.service.url, 'GARBAGE\r\n\r\n'),
    };
    expect(Object.entries(answers).map(([name, { status }]) => [name, status])).toEqual([
      ...[
        ['hit', 200],
        ['unchanged', 304],
        ['route', 200],
        ['listing', 200],
        ['health', 200],
        ['document', 200],
        ['nowhere', 404],
      ],
      ...[
        ['refused', 401],
        ['otherMethod', 405],
        ['invalid', 400],
        ['undecodable', 400],
        ['tooLong', 414],
        ['headersTooLarge', 431],
        ['noHttp', 400],
      ],
    ]);
    for (const [name, { headers }] of Object.entries(answers)) {
      expect({ name, ...headers }).toMatchObject({ name, ...onAnything, 'content-security-policy': policy });
      for (const other of ['strict-transport-security', 'access-control-allow-origin', 'vary', 'x-powered-by', 'server'])
        expect({ name, value: headers[other] }).toEqual({ name, value: undefined });
    }
  });

  it('leaves the page at /docs its own scripts and nobody else’s, and a picture its styles', async () => {
    for (const path of ['/docs', '/docs/static/index.html', '/docs/static/swagger-ui-bundle.js']) {
      const { headers } = await ask('GET', path);
      expect(headers).toMatchObject(onAnything);
      const directives = headers['content-security-policy']?.split(';') ?? [];
      expect(directives).toContain("default-src 'self'");
      expect(directives).toContain("frame-ancestors 'none'");
      expect(directives.filter((directive) => directive.startsWith('script-src'))).toEqual([]);
    }
    const { text } = await shop.http.get('/docs').expect(200);
    expect(text.match(/<script(?![^>]*\bsrc=)|\son\w+=/g)).toBe(null);
    expect((await ask('GET', '/media/demo/a.svg')).headers['content-security-policy']).toBe("default-src 'none'; style-src 'unsafe-inline'");
  });
});

describe('a service that stands behind TLS', () => {
  const shop = openShop({ redis: false, demo: true, config: { hstsMaxAgeS: 86_400 } });

  it('says so where it is told to', async () => {
    for (const path of [lamp, lamp, '/v1/products', '/nowhere', '/v1/products/%ff'])
      expect((await shop.http.get(path)).headers['strict-transport-security']).toBe('max-age=86400');
  });
});

describe('a page of another origin', () => {
  const origin = 'https://shop.example';
  const shop = openShop({ redis: false, demo: true, config: { corsOrigins: [origin, 'http://localhost:8080'], adminPerMinute: 2 } });

  it('may read every kind of answer, where it is named', async () => {
    for (const from of [origin, 'http://localhost:8080']) {
      for (const path of [lamp, lamp, `${lamp}?currency=USD`, '/v1/products', '/nowhere', '/v1/products?x=1', '/v1/admin/cache', '/health/ready']) {
        const { headers } = await shop.http.get(path).set('origin', from);
        expect({ path, ...headers }).toMatchObject({ path, 'access-control-allow-origin': from, vary: 'Origin', ...onAnything });
        expect(headers['access-control-expose-headers']?.split(', ')).toEqual(
          expect.arrayContaining(['ETag', 'Cache-Status', 'X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After']),
        );
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
    }
    const unchanged = await shop.http.get(lamp).set('origin', origin).set('if-none-match', '*');
    expect([unchanged.status, unchanged.headers['access-control-allow-origin']]).toEqual([304, origin]);
    let refused = await shop.http.get('/v1/admin/cache').set({ origin, ...asAdmin });
    for (let i = 0; i < 2; i += 1) refused = await shop.http.get('/v1/admin/cache').set({ origin, ...asAdmin });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([429, origin]);
  });

  it('may not, where it is not', async () => {
    for (const from of ['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null']) {
      for (const path of [lamp, '/v1/products']) {
        const { status, headers } = await shop.http.get(path).set('origin', from);
        expect([status, headers['access-control-allow-origin'], headers['vary']]).toEqual([200, undefined, 'Origin']);
      }
    }
  });

  it('asks before a write and is told what it may send', async () => {
    const preflight = { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization,content-type' };
    const { status, headers } = await shop.http.options('/v1/admin/variants/x/price').set(preflight);
    expect(status).toBe(204);
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, 'access-control-max-age': '600', vary: 'Origin' });
    expect(headers['access-control-allow-methods']?.split(', ')).toContain('PATCH');
    expect(headers['access-control-allow-headers']?.split(', ')).toEqual(expect.arrayContaining(['Authorization', 'Content-Type', 'If-Match']));
    const other = await shop.http.options('/v1/products').set({ ...preflight, origin: 'https://evil.example' });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('changes nothing for whoever names no origin, but that answers differ by it, and an OPTIONS that asks nothing is refused', async () => {
    const [route, hit] = [await shop.http.get(`${lamp}?currency=USD`), await shop.http.get(lamp)];
    expect(hit.headers['cache-status']).toBe('truetag; hit; detail=memory');
    const plain = ({ headers: { date: _date, 'x-request-id': _id, ...rest } }: typeof hit) => rest;
    expect(plain(hit)).toEqual(plain(route));
    expect(hit.headers['vary']).toBe('Origin');
    expect(hit.headers).not.toHaveProperty('access-control-allow-origin');
    const options = await shop.http.options('/v1/products').set('origin', origin);
    expect([options.status, options.headers['allow']]).toEqual([405, 'GET, HEAD']);
    expect((await shop.http.options('/nowhere')).status).toBe(404);
  });
});

describe('any page', () => {
  const shop = openShop({ redis: false, demo: true, config: { corsOrigins: ['*'] } });

  it('may read answers where every origin is let in', async () => {
    for (const path of [lamp, lamp, '/v1/products'])
      expect((await shop.http.get(path).set('origin', 'https://anybody.example')).headers['access-control-allow-origin']).toBe('*');
  });
});

describe('a product hit for a page of another origin', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
  });
  afterAll(() => database.drop());

  async function allowed(edits: readonly Edit[]): Promise<string | null> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false', ADMIN_API_KEY: adminKey, CORS_ORIGINS: 'https://shop.example' });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
      const ask = () => fetch(`${url}${lamp}`, { headers: { origin: 'https://shop.example' } });
      await (await ask()).arrayBuffer();
      return (await ask()).headers.get('access-control-allow-origin');
    } finally {
      await fastify.close();
    }
  }

  it('says that it may be read', async () => {
    expect(await allowed([])).toBe('https://shop.example');
  });

  it('says nothing of the kind, where it is served before the router all the same', async () => {
    expect(await allowed([{ file: 'src/app.ts', from: 'config.corsOrigins.length > 0;', to: 'false;' }])).toBe(null);
  });
});
