import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openShop } from './open-shop.js';
import { type OpenApiDocument, operationsOf, resolve } from './openapi-document.js';

/** Every object inside a value, with the way to it. */
function* walk(value: unknown, way = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [way, value as Record<string, unknown>];
  for (const [key, inner] of Object.entries(value)) yield* walk(inner, `${way}/${key}`);
}

describe('GET /openapi.json', () => {
  const shop = openShop({ redis: false });
  let document: OpenApiDocument;

  beforeAll(async () => {
    const { body, headers } = await shop.http.get('/openapi.json').expect(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    document = body;
  });

  it('is an OpenAPI 3.1 document that says who it is', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Truetag', version: expect.stringMatching(/^\d+\.\d+\.\d+$/), license: { name: 'MIT' } });
    expect(
      Object.keys(document).filter(
        (key) =>
          !['openapi', 'info', 'paths', 'components', 'servers', 'tags', 'security', 'webhooks', 'externalDocs', 'jsonSchemaDialect'].includes(key),
      ),
    ).toEqual([]);
  });

  it('has every route of the service and no other', () => {
    const routes = shop.service.routes
      .filter(({ method, url, isRefusal }) => !isRefusal && method !== 'HEAD' && !url.startsWith('/docs') && url !== '/openapi.json')
      .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(routes.length).toBeGreaterThan(20);
    expect(/to all (\d+) operations of the OpenAPI document/.exec(readFileSync('README.md', 'utf8'))?.[1]).toBe(String(routes.length));
    expect(
      operationsOf(document)
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    ).toEqual(routes.toSorted());
  });

  it('has no reference that leads nowhere, and no component that nobody refers to', () => {
    const references = [...walk(document)].flatMap(([, { $ref }]) => (typeof $ref === 'string' ? [$ref] : []));
    expect(references.length).toBeGreaterThan(50);
    expect(references.filter((reference) => resolve(document, reference) === undefined)).toEqual([]);
    const names = Object.keys(document.components.schemas);
    expect(names.filter((name) => !references.includes(`#/components/schemas/${name}`))).toEqual([]);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
  });

  it('has schemas that say something of each type they name', () => {
    const types = new Set(['string', 'integer', 'number', 'boolean', 'null', 'array', 'object']);
    for (const [way, object] of walk(document)) {
      if (typeof object['type'] === 'string' && (way.includes('/schemas/') || way.endsWith('/schema')) && !/\/properties$/.test(way))
        expect(types, way).toContain(object['type']);
      if (object['type'] === 'array') expect(object, way).toHaveProperty('items');
      expect(object, way).not.toHaveProperty('$schema');
      expect(object, way).not.toHaveProperty('nullable');
    }
  });

  it('says of every call what it is, what it answers and how it fails', () => {
    for (const { method, path, summary, responses, parameters } of operationsOf(document)) {
      const call = `${method} ${path}`;
      expect(summary?.length ?? 0, call).toBeGreaterThan(10);
      const statuses = Object.keys(responses).map(Number);
      expect(
        statuses.some((status) => status < 300),
        call,
      ).toBe(true);
      for (const [status, response] of Object.entries(responses)) {
        expect(response.description?.length ?? 0, `${call} ${status}`).toBeGreaterThan(0);
        if (Number(status) >= 400 && path.startsWith('/v1'))
          expect(response.content, `${call} ${status}`).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } });
      }
      if (path.startsWith('/v1')) expect(statuses, call).toEqual(expect.arrayContaining([400, 503]));
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(
        parameters.filter((parameter) => parameter.in === 'path').map(({ name, required }) => required && name),
        call,
      ).toEqual(inPath);
    }
  });

  it('asks for the key, and names the scope, on every call of the admin and on no other', () => {
    expect(document.components.securitySchemes).toEqual({ adminKey: { type: 'http', scheme: 'bearer', description: expect.any(String) } });
    const scopeOf = (call: string) => shop.service.routes.find(({ method, url }) => `${method} ${url}` === call)?.scope;
    for (const { method, path, security, description, responses } of operationsOf(document)) {
      const isAdmin = path.startsWith('/v1/admin/');
      const scope = scopeOf(`${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
      expect(security, path).toEqual(isAdmin ? [{ adminKey: [scope] }] : undefined);
      if (isAdmin) expect(description, path).toContain(`Scope: \`${scope}\``);
      for (const status of ['401', '403']) expect(status in responses, `${status} of ${path}`).toBe(isAdmin);
    }
  });

  it('names the body of every write, the file of an import too, and numbers of a query as numbers', () => {
    for (const { method, path, body } of operationsOf(document)) {
      if (['POST', 'PUT', 'PATCH'].includes(method))
        expect(Object.keys(body ?? {}), path).toEqual(path.endsWith('/imports') ? ['text/csv', 'application/x-ndjson'] : ['application/json']);
      else expect(body, path).toBeUndefined();
    }
    const limit = operationsOf(document)
      .find(({ path }) => path === '/v1/products')
      ?.parameters.find(({ name }) => name === 'limit');
    expect(limit?.schema).toEqual({ type: 'integer', minimum: 1, maximum: 100 });
  });

  it('is read at /docs by a page that loads nothing from elsewhere', async () => {
    const { text } = await shop.http.get('/docs').expect(200);
    const sources = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      expect(source).toMatch(/^(\.?\/|data:)/);
      await shop.http.get(new URL(source, `${shop.service.url}/docs/`).pathname).expect(200);
    }
    expect((await shop.http.get('/docs/json').expect(200)).body.paths).toEqual(document.paths);
  });
});
