import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { createDatabase } from '../harness/database.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { scrape } from './scrape.js';

// What metrics.test.ts relies on to fail: counting as it is, and with a rule of it taken out.
describe('counting', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  /** How many of three hits were counted, and how many series ten unknown slugs have added. */
  async function counted(slug: string, edits: readonly Edit[]): Promise<{ hits: number; series: number }> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey, METRICS_PORT: '0' });
    const { fastify, sight } = await createApp({ ...config, databaseUrl: database.url });
    try {
      await fastify.listen({ host: '127.0.0.1', port: 0 });
      const url = (await sight.listen())?.url ?? '';
      const http = supertest(fastify.server);
      const labels = { method: 'GET', route: '/v1/products/:slug', status: '2xx' };
      await http.post('/v1/admin/products').set(asAdmin).send({ title: slug, slug, status: 'active', variants: [] }).expect(201);
      await http.get('/v1/products/nothing').expect(404);
      await http.get(`/v1/products/${slug}`).expect(200);
      const before = await scrape(url);
      for (let i = 0; i < 3; i += 1) await http.get(`/v1/products/${slug}`).expect(200);
      for (let i = 0; i < 10; i += 1) await http.get(`/v1/products/nothing-${i}`).expect(404);
      const after = await scrape(url);
      const value = (name: string) => (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
      return { hits: value('truetag_http_requests_total'), series: after.samples.length - before.samples.length };
    } finally {
      await fastify.close();
      await sight.close();
    }
  }

  it('takes in hits before the router, and makes no series of what it is asked', async () => {
    expect(await counted('sound', [])).toEqual({ hits: 3, series: 0 });
  });

  it('misses hits, where the way before the router does not count', async () => {
    const edit = { file: 'src/routes/product-hits.ts', from: 'watch.answered(status);', to: '' };
    expect((await counted('uncounted', [edit])).hits).toBe(0);
  });

  it('has a series for every URL, where the URL is the label', async () => {
    const edit = { file: 'src/sight/request-metrics.ts', from: 'route: pattern }, reply', to: 'route: request.url }, reply' };
    expect((await counted('raw', [edit])).series).toBeGreaterThan(100);
  });
});
