import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import type * as CacheModule from '../../src/cache/cache.js';
import type { DocumentBody } from '../../src/cache/document-bodies.js';
import type * as PagesModule from '../../src/catalog/composed-pages.js';
import { loadConfig } from '../../src/config.js';
import { createFakePrimary } from '../cache/fake-primary.js';
import { createDatabase } from '../harness/database.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { bundle } from './bundle.js';
import type { Edit } from './edit.js';
import { sabotages } from './sabotages.js';

// The rules that the simulation does not reach, because they are about answers: each is kept by the code as it is, and missed without it.

describe('a conditional request', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  /** What a client that holds the old price is told after the price has changed, by the route and not by the shortcut before it. */
  async function statusAfterChange(edits: readonly Edit[], slug: string): Promise<number> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      await fastify.listen({ host: '127.0.0.1', port: 0 });
      const http = supertest(fastify.server);
      const variants = [{ price: { amount: 100, currency: 'USD' } }];
      const made = await http.post('/v1/admin/products').set(asAdmin).send({ title: slug, slug, status: 'active', variants }).expect(201);
      const path = `/v1/products/${slug}?currency=USD`;
      const { etag } = (await http.get(path).expect(200)).headers;
      await http.patch(`/v1/admin/variants/${made.body.variants[0].id}/price`).set(asAdmin).send({ currency: 'USD', amount: 200 }).expect(200);
      return (await http.get(path).set('if-none-match', etag as string)).status;
    } finally {
      await fastify.close();
    }
  }

  it('is answered by the same read as any other', async () => {
    expect(await statusAfterChange([], 'read')).toBe(200);
  });

  it('is told that the old price still stands, where a 304 is given without a read', async () => {
    expect(await statusAfterChange(sabotages['cached-304']?.edits ?? [], 'cached')).toBe(304);
  });
});

describe('a page that was put together before', () => {
  const page = { ids: ['a'], next: null };
  async function secondAnswer(edits: readonly Edit[]): Promise<string> {
    const { createComposedPages } = (await import(await bundle({ entry: 'src/catalog/composed-pages.ts', edits }))) as typeof PagesModule;
    const compose = createComposedPages(4);
    const show = (version: number) =>
      compose(page, [{ version, token: `t${version}` }], () => ({ body: Buffer.from(`price ${version}`), etag: `"${version}"` }));
    show(1);
    return show(2).body.toString();
  }

  it('is shown again only at the versions that this answer has read', async () => {
    expect(await secondAnswer([])).toBe('price 2');
  });

  it('shows the old price, where the bytes are shared whatever was read', async () => {
    const from =
      'const isSame = known !== undefined && shown.every((held, i) => held?.version === known.versions[i] && held?.token === known.tokens[i]);';
    expect(await secondAnswer([{ file: 'src/catalog/composed-pages.ts', from, to: 'const isSame = known !== undefined;' }])).toBe('price 1');
  });
});

describe('a read that Postgres does not answer (R4)', () => {
  const document: DocumentBody = { id: '01890000-0000-7000-8000-000000000001', slug: 'lamp', version: 1, token: 'one', json: '{"price":100}' };
  async function outcome(edits: readonly Edit[]): Promise<string> {
    const { createCache } = (await import(await bundle({ entry: 'src/cache/cache.ts', edits }))) as typeof CacheModule;
    const { open, steps } = createFakePrimary();
    let isAway = false;
    const away = () => new Error('the database is away');
    const cache = createCache({
      source: {
        versions: async (lookups) => {
          if (isAway) throw away();
          return new Map(lookups.map((lookup) => [lookup, document]));
        },
        documents: async () => new Map([[document.id, document]]),
      },
      redis: null,
      catalogId: 'catalog',
      memoryBytes: 2 ** 20,
      truth: { leaseMs: null, open, steps, errors: { unavailable: away, busy: away, unknown: away }, isLost: null },
      overload: away,
      timeout: away,
    });
    try {
      await cache.documents.read('productDetail', 'slug:lamp');
      isAway = true;
      return (await cache.documents.read('productDetail', 'slug:lamp').catch(() => ({ outcome: 'refused' }))).outcome;
    } finally {
      await cache.close();
    }
  }

  it('is refused, whatever memory holds', async () => {
    expect(await outcome([])).toBe('refused');
  });

  it('is answered with what may be an old price, where memory steps in unasked', async () => {
    expect(await outcome([{ file: 'src/cache/documents.ts', from: 'if (!options.isLost?.(error)) throw error;', to: '' }])).toBe('unverified');
  });
});
