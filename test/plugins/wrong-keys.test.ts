import { describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { keyIn } from '../access/open-keys.js';
import { adminKey, asAdmin, startService } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

const call = '/v1/admin/variants?sku=none';
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const guess = (index: number) => as(`guess-${index}-${'x'.repeat(32)}`);

describe('an address that sends wrong keys', () => {
  const shop = openShop({ redis: false });
  /** An instance that has seen nobody yet. */
  async function onFreshInstance(work: (http: (typeof shop)['http']) => Promise<void>): Promise<void> {
    const service = await startService(shop.databaseUrl);
    try {
      await work(service.http);
    } finally {
      await service.close();
    }
  }

  it('is told after ten of them when the next one is looked at', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 10; i += 1) await http.get(call).set(guess(i)).expect(401);
      const { body, headers } = await http.get(call).set(guess(10)).expect(429);
      expect(body).toMatchObject({ status: 429, code: 'too_many_wrong_keys', title: 'Too many requests' });
      const waitS = Number(headers['retry-after']);
      expect(waitS).toBeGreaterThan(0);
      expect(waitS).toBeLessThanOrEqual(60);
    }));

  it('is not let in with the right one until then, or guesses would still be tried', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 10; i += 1) await http.get(call).set(guess(i)).expect(401);
      for (const right of [asAdmin, as(await keyIn(shop.databaseUrl, { name: 'fresh', scopes: ['catalog:read'] }))])
        await http.get(call).set(right).expect(429);
    }));

  it('does not lock out a key that has been used from there', () =>
    onFreshInstance(async (http) => {
      const [used, fresh] = [await keyIn(shop.databaseUrl, { name: 'used', scopes: ['catalog:read'] }), asAdmin];
      await http.get(call).set(as(used)).expect(200);
      for (let i = 0; i < 12; i += 1) await http.get(call).set(guess(i));
      await http.get(call).set(as(used)).expect(200);
      await http.get(call).set(fresh).expect(429);
      await http.get(call).set(guess(99)).expect(429);
    }));

  it('counts guesses at a known prefix like any other', () =>
    onFreshInstance(async (http) => {
      const prefix = (await keyIn(shop.databaseUrl, { name: 'named', scopes: ['catalog:read'] })).slice(0, 14);
      for (let i = 0; i < 10; i += 1)
        await http
          .get(call)
          .set(as(`${prefix}_${String(i).repeat(48)}`))
          .expect(401);
      await http
        .get(call)
        .set(as(`${prefix}_${'f'.repeat(48)}`))
        .expect(429);
    }));

  it('may send none, and keys that have ended, as often as it likes', () =>
    onFreshInstance(async (http) => {
      const ended = await keyIn(
        shop.databaseUrl,
        { name: 'ended', scopes: ['catalog:read'], expiresInDays: 1 },
        new Date(Date.now() - 2 * 86_400_000),
      );
      for (let i = 0; i < 12; i += 1) {
        await http.get(call).expect(401);
        await http.get(call).set(as(ended)).expect(401);
      }
      await http.get(call).set(asAdmin).expect(200);
    }));

  it('goes on reading the storefront', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 12; i += 1) await http.get(call).set(guess(i));
      await http.get('/v1/products').set(guess(0)).expect(200);
    }));

  it('would get through them all, were they not counted', async () => {
    const edit: Edit = { file: 'src/access/guess-limit.ts', from: '      stands.count += 1;\n', to: '' };
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [edit] }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey });
    const { fastify } = await createApp({ ...config, databaseUrl: shop.databaseUrl });
    try {
      const statuses = new Set<number>();
      for (let i = 0; i < 30; i += 1) statuses.add((await fastify.inject({ url: call, headers: { host: 'shop', ...guess(i) } })).statusCode);
      expect(statuses).toEqual(new Set([401]));
    } finally {
      await fastify.close();
    }
  });
});
