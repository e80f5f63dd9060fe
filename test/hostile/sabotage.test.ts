import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { createDatabase } from '../harness/database.js';
import { adminKey } from '../harness/service.js';
import { rawRequest } from '../plugins/raw-request.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

/** What a caller gets after another one has asked with a hostile head, with the service as it is and with the rule taken out. */
describe('without its rule, the service', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  async function lastOf(edits: readonly Edit[], requests: readonly string[]): Promise<{ status: number; text: string }> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
      let last = { status: 0, text: '' };
      for (const request of requests) last = await rawRequest(url, request);
      return last;
    } finally {
      await fastify.close();
    }
  }

  it('shows what one caller has put there to the next', async () => {
    const ask = (head: string) => `GET /v1/categories HTTP/1.1\r\nhost: x\r\n${head}\r\n`;
    const requests = [ask('x-forwarded-host: evil.example\r\n'), ask('')];
    const edit = {
      file: 'src/routes/categories.ts',
      from: 'return sendJson(tellCache(reply, outcome), body);',
      to: "const kept = globalThis as { poisoned?: unknown };\n      kept.poisoned ??= _request.headers['x-forwarded-host'];\n      return sendJson(tellCache(reply, outcome), body + String(kept.poisoned));",
    };
    expect((await lastOf([], requests)).text).not.toContain('evil.example');
    expect((await lastOf([edit], requests)).text).toContain('evil.example');
  });

  it('answers one question with the page of another', async () => {
    const requests = ['limit=1', 'limit=2'].map((query) => `GET /v1/products?${query}&tag=a HTTP/1.1\r\nhost: x\r\n\r\n`);
    const edit = { file: 'src/cache/keys.ts', from: '.sort(([a], [b]) => (a < b ? -1 : 1))', to: '.slice(0, 1)' };
    const pages = async (edits: Edit[]) => {
      const { text } = await lastOf(edits, [...requests, `GET /v1/admin/cache HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\n\r\n`]);
      return (JSON.parse(text) as { rows: { name: string; fills?: number }[] }).rows.find(({ name }) => name === 'productListing')?.fills;
    };
    expect(await pages([])).toBe(2);
    expect(await pages([edit])).toBe(1);
  });

  it('reads a packed body as if it were none, and takes the first of two hosts', async () => {
    const packed =
      'POST /v1/products/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 15\r\n\r\n{"slugs":["a"]}';
    const twoHosts = 'GET /v1/categories HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n';
    const file = 'src/plugins/strict-request.ts';
    expect((await lastOf([], [packed])).status).toBe(415);
    expect((await lastOf([{ file, from: 'done(codingFaultOf(request), payload)', to: 'done(null, payload)' }], [packed])).status).toBe(200);
    expect((await lastOf([], [twoHosts])).status).toBe(400);
    expect((await lastOf([{ file, from: 'if (isNamed) return true;', to: '' }], [twoHosts])).status).toBe(200);
  });
});
