import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiKey, CreatedKey, type NewKey, RotatedKey } from '../../src/access/api-key.js';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { age, keyIn, operator, withKeys } from '../access/open-keys.js';
import { adminKey, asAdmin, type Service, startService } from '../harness/service.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { openShop } from './open-shop.js';

const as = (key: string) => ({ authorization: `Bearer ${key}` });
const dayMs = 86_400_000;
const unknownId = '01890000-0000-7000-8000-000000000001';

describe('keys of the admin', () => {
  const shop = openShop({ redis: false, config: { wrongKeysPerMinute: 10_000 } });
  let other: Service;
  let client: pg.Client;
  beforeAll(async () => {
    other = await startService(shop.databaseUrl);
    client = new pg.Client({ connectionString: shop.databaseUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await other.close();
  });

  const make = async (wanted: Partial<NewKey> = {}, by: Record<string, string> = asAdmin) => {
    const answer = await shop.http
      .post('/v1/admin/keys')
      .set(by)
      .send({ name: 'feed', scopes: ['catalog:read'], ...wanted });
    return { status: answer.status, body: answer.body, headers: answer.headers };
  };
  const made = async (wanted: Partial<NewKey> = {}) => CreatedKey.parse((await make(wanted)).body);
  const rotate = (id: string, body: object, by: Record<string, string> = asAdmin) => shop.http.post(`/v1/admin/keys/${id}/rotate`).set(by).send(body);
  const revoke = (id: string, by: Record<string, string> = asAdmin) => shop.http.delete(`/v1/admin/keys/${id}`).set(by);
  const stored = async (id: string) => ApiKey.parse((await shop.http.get(`/v1/admin/keys/${id}`).set(asAdmin).expect(200)).body);
  /** What a key is answered on a call that needs `catalog:read`. */
  const use = async (key: string, service: Pick<Service, 'http'> = shop) =>
    (await service.http.get('/v1/admin/variants?sku=none').set(as(key))).status;
  const lastUse = async (key: string) => (await withKeys(shop.databaseUrl, (keys) => keys.get({ prefix: key.slice(0, 14) }))).lastUsedAt;
  const refusalOf = async (key: string) => (await shop.http.get('/v1/admin/variants?sku=none').set(as(key)).expect(401)).body.detail;

  describe('are made', () => {
    it('with a name and scopes, and shown once', async () => {
      const { status, body, headers } = await make({ name: 'Price feed', scopes: ['prices:write', 'catalog:read'] });
      expect(status).toBe(201);
      const { key, ...rest } = CreatedKey.parse(body);
      expect(key.startsWith(`${rest.prefix}_`)).toBe(true);
      expect(rest).toMatchObject({ name: 'Price feed', scopes: ['catalog:read', 'prices:write'], state: 'active', createdBy: 'env' });
      expect(rest).toMatchObject({ expiresAt: null, revokedAt: null, lastUsedAt: null, replacedBy: null });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', location: `/v1/admin/keys/${rest.id}` });
      const again = await shop.http.get(`/v1/admin/keys/${rest.id}`).set(asAdmin).expect(200);
      expect(again.body).toEqual(rest);
      const list = await shop.http.get('/v1/admin/keys').set(asAdmin).expect(200);
      expect(list.text).not.toContain(key.slice(15));
    });

    it('by nobody who may do less', async () => {
      const admin = await made({ scopes: ['keys:admin', 'catalog:read'] });
      const by = as(admin.key);
      expect(await make({ scopes: ['catalog:read', 'keys:admin'] }, by)).toMatchObject({ status: 201, body: { createdBy: admin.prefix } });
      expect(await make({ scopes: ['catalog:read', 'prices:write'] }, by)).toMatchObject({
        status: 403,
        body: { code: 'missing_scope', detail: expect.stringContaining('prices:write') },
      });
      const { id } = await made({ scopes: ['prices:write'] });
      await rotate(id, {}, by).expect(403);
      expect((await stored(id)).replacedBy).toBeNull();
      await revoke(id, by).expect(200);
    });

    it('by nobody who expires before they do', async () => {
      const admin = await made({ scopes: ['keys:admin', 'catalog:read'], expiresInDays: 10 });
      const by = as(admin.key);
      const detail = `This key expires at ${admin.expiresAt} and makes none that outlives it: expiresInDays may be 1 to 9`;
      for (const wanted of [{}, { expiresInDays: 10 }, { expiresInDays: 3650 }])
        expect(await make(wanted, by)).toMatchObject({ status: 403, body: { code: 'outlives_maker', detail } });
      const within = CreatedKey.parse((await make({ expiresInDays: 9 }, by)).body);
      expect(Date.parse(within.expiresAt ?? '')).toBeLessThan(Date.parse(admin.expiresAt ?? ''));
      const endless = await made();
      for (const id of [endless.id, admin.id]) {
        expect((await rotate(id, {}, by).expect(403)).body.code).toBe('outlives_maker');
        expect((await stored(id)).replacedBy).toBeNull();
      }
      await rotate(endless.id, { expiresInDays: 9 }, by).expect(201);
      await age(shop.databaseUrl, [admin.prefix], 9 * dayMs);
      expect((await make({ expiresInDays: 1 }, by)).body.detail).toContain('it has less than a day left and makes none');
    });

    it('by the last moment of whoever makes them, should the time run out on the way', async () => {
      const at = new Date(Date.now() + 5_000);
      const late = { ...operator, end: { at, leftMs: 2 * dayMs } };
      const made = await withKeys(shop.databaseUrl, (keys) => keys.create({ name: 'late', scopes: ['catalog:read'], expiresInDays: 1 }, late));
      expect(made.expiresAt).toBe(at.toISOString());
    });

    it('of nothing that is no name, no scope and no time', async () => {
      const faults = [
        ...[{ name: '' }, { name: ' a' }, { name: 'a\nb' }, { name: 'a'.repeat(101) }, { name: undefined }, { scopes: [] }, { scopes: ['all'] }],
        ...[{ scopes: 'catalog:read' }, { expiresInDays: 0 }, { expiresInDays: 1.5 }, { expiresInDays: 4_000 }, { more: 1 }],
      ];
      for (const fault of faults) expect((await make(fault as never)).status, JSON.stringify(fault)).toBe(400);
    });

    it('as a hash in the database, and nowhere as they are', async () => {
      const { id, key } = await made();
      await use(key);
      const { rows } = await client.query('SELECT to_jsonb(k)::text AS text, k.hash FROM api_key k WHERE id = $1', [id]);
      expect(rows[0].hash).toEqual(createHash('sha256').update(key).digest());
      expect(rows[0].text).toContain(key.slice(0, 14));
      expect(rows[0].text).not.toContain(key.slice(15));
    });
  });

  it('may do what they were made for on every instance at once, and nothing else', async () => {
    const { key } = await made();
    expect([await use(key), await use(key, other)]).toEqual([200, 200]);
    await other.http.get('/v1/admin/cache').set(as(key)).expect(403);
  });

  it('are listed page by page, the newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await made({ name: `page ${i}` })).id);
    const seen: string[] = [];
    let query = 'limit=2';
    for (;;) {
      const { body } = await shop.http.get(`/v1/admin/keys?${query}`).set(asAdmin).expect(200);
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map((key: unknown) => ApiKey.parse(key).id));
      if (body.page.nextCursor === null) break;
      query = `limit=2&cursor=${body.page.nextCursor}`;
    }
    expect(seen.slice(0, 5)).toEqual(ids);
    const { rows } = await client.query('SELECT count(*)::int AS count FROM api_key');
    expect([seen.length, new Set(seen).size]).toEqual([rows[0].count, rows[0].count]);
    for (const wrong of ['limit=0', 'limit=101', 'cursor=x', 'page=2']) await shop.http.get(`/v1/admin/keys?${wrong}`).set(asAdmin).expect(400);
  });

  describe('are revoked', () => {
    it('for the next request on every instance', async () => {
      const { id, key, prefix } = await made();
      for (const service of [shop, other]) expect(await use(key, service)).toBe(200);
      const { body } = await revoke(id).expect(200);
      expect(ApiKey.parse(body)).toMatchObject({ state: 'revoked', revokedAt: expect.any(String) });
      for (const service of [other, shop]) expect(await use(key, service)).toBe(401);
      expect(await refusalOf(key)).toBe(`The key ${prefix} has been revoked`);
    });

    it('once: the second time changes nothing', async () => {
      const { id } = await made();
      const first = await revoke(id).expect(200);
      expect((await revoke(id).expect(200)).body).toEqual(first.body);
    });

    it('without telling others than who holds them', async () => {
      const { id, key, prefix } = await made();
      await revoke(id).expect(200);
      expect(await refusalOf(`${prefix}_${'0'.repeat(48)}`)).toBe(await refusalOf(`ttk_ffffffffff_${'0'.repeat(48)}`));
      expect(await refusalOf(key)).not.toBe(await refusalOf(`${prefix}_${'0'.repeat(48)}`));
    });
  });

  describe('expire', () => {
    it('on the day they were made for', async () => {
      const { expiresAt, createdAt } = await made({ expiresInDays: 30 });
      expect(Date.parse(expiresAt ?? '') - Date.parse(createdAt)).toBe(30 * 86_400_000);
      const ago = (days: number) => days * dayMs - 60_000;
      const wanted: NewKey = { name: 'old', scopes: ['catalog:read'], expiresInDays: 3 };
      expect(await use(await keyIn(shop.databaseUrl, wanted, ago(3)))).toBe(200);
      const key = await keyIn(shop.databaseUrl, wanted, ago(4));
      expect(await use(key)).toBe(401);
      expect(await refusalOf(key)).toBe(`The key ${key.slice(0, 14)} has expired`);
    });
  });

  describe('expire by the clock of the database', () => {
    afterEach(() => vi.useRealTimers());
    /** The wall clock of this process and of the instances in it, and of nothing else. */
    const setClock = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });

    it.each([
      ['ahead by a year', 365 * dayMs],
      ['back by a year', -365 * dayMs],
    ])('and not of an instance that is %s', async (_, ms) => {
      const wanted: NewKey = { name: 'day', scopes: ['catalog:read'], expiresInDays: 1 };
      const [running, ended] = [await keyIn(shop.databaseUrl, wanted), await keyIn(shop.databaseUrl, wanted, dayMs)];
      const real = Date.now();
      setClock(ms);
      for (const service of [shop, other]) expect([await use(running, service), await use(ended, service)]).toEqual([200, 401]);
      const fresh = await made({ expiresInDays: 1 });
      expect(Math.abs(Date.parse(fresh.createdAt) - real)).toBeLessThan(dayMs / 2);
      expect(Date.parse(fresh.expiresAt ?? '') - Date.parse(fresh.createdAt)).toBe(dayMs);
      const { replaces } = RotatedKey.parse((await rotate(fresh.id, { overlapHours: 1 }).expect(201)).body);
      expect(Math.abs(Date.parse(replaces.expiresAt ?? '') - real)).toBeLessThan(dayMs / 2);
      const { revokedAt } = (await revoke(fresh.id).expect(200)).body as ApiKey;
      expect(Math.abs(Date.parse(revokedAt ?? '') - real)).toBeLessThan(dayMs / 2);
      await expect.poll(async () => await lastUse(running), { timeout: 5_000 }).not.toBeNull();
      expect(Math.abs(Date.parse((await lastUse(running)) ?? '') - real)).toBeLessThan(dayMs / 2);
    });

    it('or would end a day early, were the clock of the instance asked', async () => {
      const from = "if (state !== 'active')";
      const edit: Edit = {
        file: 'src/access/authenticator.ts',
        from,
        to: "if (state !== 'active' || (expiresAt !== null && expiresAt <= new Date()))",
      };
      const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [edit] }))) as typeof AppModule;
      const key = await keyIn(shop.databaseUrl, { name: 'day', scopes: ['catalog:read'], expiresInDays: 1 });
      const { fastify } = await createApp({ ...loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false' }), databaseUrl: shop.databaseUrl });
      try {
        const ask = async () => (await fastify.inject({ url: '/v1/admin/variants?sku=none', headers: { host: 'shop', ...as(key) } })).statusCode;
        expect(await ask()).toBe(200);
        setClock(365 * dayMs);
        expect(await ask()).toBe(401);
      } finally {
        await fastify.close();
      }
    }, 30_000);
  });

  describe('are rotated', () => {
    it('into a key of the same name and scopes, beside which the old one works for the overlap', async () => {
      const old = await made({ name: 'erp', scopes: ['catalog:read', 'prices:write'] });
      const before = Date.now();
      const answer = await rotate(old.id, { overlapHours: 2 }).expect(201);
      const fresh = RotatedKey.parse(answer.body);
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', location: `/v1/admin/keys/${fresh.id}` });
      expect(fresh).toMatchObject({ name: 'erp', scopes: ['catalog:read', 'prices:write'], state: 'active', expiresAt: null });
      expect(fresh.replaces).toMatchObject({ id: old.id, state: 'active', replacedBy: fresh.id });
      const endsMs = Date.parse(fresh.replaces.expiresAt ?? '') - 2 * 3_600_000;
      expect(endsMs).toBeGreaterThanOrEqual(before);
      expect(endsMs).toBeLessThanOrEqual(Date.now());
      for (const key of [old.key, fresh.key]) for (const service of [shop, other]) expect(await use(key, service)).toBe(200);
      const { rows } = await client.query('SELECT id, hash FROM api_key WHERE id = ANY ($1)', [[old.id, fresh.id]]);
      expect(new Set(rows.map(({ hash }) => hash.toString('hex'))).size).toBe(2);
    });

    it('with an overlap of a day unless told, and of nothing where that is wanted', async () => {
      const slow = await made();
      const { replaces, createdAt } = RotatedKey.parse((await rotate(slow.id, {}).expect(201)).body);
      expect(Math.round((Date.parse(replaces.expiresAt ?? '') - Date.parse(createdAt)) / 60_000)).toBe(24 * 60);
      const bare = await made();
      const silent = await shop.http.post(`/v1/admin/keys/${bare.id}/rotate`).set(asAdmin).expect(201);
      expect(RotatedKey.parse(silent.body).replaces.id).toBe(bare.id);
      const quick = await made();
      const fresh = RotatedKey.parse((await rotate(quick.id, { overlapHours: 0 }).expect(201)).body);
      expect([await use(quick.key), await use(fresh.key)]).toEqual([401, 200]);
      for (const overlapHours of [-1, 0.5, 721, '1']) await rotate(quick.id, { overlapHours }).expect(400);
    });

    it('after which the old one ends when the overlap is over', async () => {
      const key = await keyIn(shop.databaseUrl, { name: 'erp', scopes: ['catalog:read'] });
      const prefix = key.slice(0, 14);
      const fresh = await withKeys(shop.databaseUrl, async (keys) => keys.rotate((await keys.get({ prefix })).id, { overlapHours: 24 }, operator));
      await age(shop.databaseUrl, [prefix, fresh.prefix], 25 * 3_600_000);
      expect([await use(key), await use(fresh.key)]).toEqual([401, 200]);
    });

    it('without giving the old one more time than it had, and with as long a life for the new one', async () => {
      const old = await made({ expiresInDays: 1 });
      const fresh = RotatedKey.parse((await rotate(old.id, { overlapHours: 48 }).expect(201)).body);
      expect(fresh.replaces.expiresAt).toBe(old.expiresAt);
      expect(Date.parse(fresh.expiresAt ?? '') - Date.parse(fresh.createdAt)).toBe(86_400_000);
      const longer = RotatedKey.parse((await rotate(fresh.id, { expiresInDays: 9 }).expect(201)).body);
      expect(Date.parse(longer.expiresAt ?? '') - Date.parse(longer.createdAt)).toBe(9 * 86_400_000);
    });

    it('once, however many ask at the same time', async () => {
      const { id } = await made({ name: 'race' });
      const statuses = (await Promise.all(Array.from({ length: 5 }, () => rotate(id, {})))).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([201, 409, 409, 409, 409]);
      const { rows } = await client.query(`SELECT count(*)::int AS count FROM api_key WHERE name = 'race'`);
      expect(rows[0].count).toBe(2);
    });

    it('only while they are active', async () => {
      const { id } = await made();
      await revoke(id).expect(200);
      expect((await rotate(id, {}).expect(409)).body.detail).toContain('is revoked');
      await rotate(unknownId, {}).expect(404);
      await rotate('nobody', {}).expect(400);
    });
  });

  it('that nobody has made are not there', async () => {
    await shop.http.get(`/v1/admin/keys/${unknownId}`).set(asAdmin).expect(404);
    await revoke(unknownId).expect(404);
  });

  it('tell when they were last used', async () => {
    const { id, key } = await made();
    expect((await stored(id)).lastUsedAt).toBeNull();
    const before = Date.now();
    expect(await use(key)).toBe(200);
    await expect.poll(async () => (await stored(id)).lastUsedAt, { timeout: 5_000 }).not.toBeNull();
    const first = (await stored(id)).lastUsedAt;
    expect(Date.parse(first ?? '')).toBeGreaterThanOrEqual(before);
    for (const service of [shop, other, shop]) expect(await use(key, service)).toBe(200);
    expect((await stored(id)).lastUsedAt).toBe(first);
  });

  it('are not marked as used by whoever does not have them', async () => {
    const { id, prefix } = await made();
    expect(await use(`${prefix}_${'0'.repeat(48)}`)).toBe(401);
    expect((await stored(id)).lastUsedAt).toBeNull();
  });

  it('do not contain the one of ADMIN_API_KEY, which needs no row', async () => {
    const { text } = await shop.http.get('/v1/admin/keys').set(asAdmin).expect(200);
    expect(text).not.toContain(adminKey);
  });
});

describe('a key with catalog:write', () => {
  const shop = openShop({ redis: false });
  const price = { amount: 100, currency: 'USD' };
  let by: Record<'catalog' | 'prices' | 'stock', Record<string, string>>;
  beforeAll(async () => {
    const key = (scopes: NewKey['scopes']) => keyIn(shop.databaseUrl, { name: 'editor', scopes }).then(as);
    by = {
      catalog: await key(['catalog:write']),
      prices: await key(['catalog:write', 'prices:write']),
      stock: await key(['catalog:write', 'inventory:write']),
    };
  });

  it('changes products, but no price and no stock in them without the scopes for that', async () => {
    const { id, variants } = await shop.create('guarded');
    const variant = variants[0]?.id;
    const patch = (holder: Record<string, string>, ...edits: object[]) =>
      shop.http
        .patch(`/v1/admin/products/${id}`)
        .set(holder)
        .send({ title: 'New', variants: edits.map((edit) => ({ id: variant, ...edit })) });
    for (const edit of [{ price }, { price: null }, { prices: [price] }, { prices: [] }]) {
      for (const holder of [by.catalog, by.stock])
        expect((await patch(holder, edit).expect(403)).body).toMatchObject({
          code: 'missing_scope',
          detail: expect.stringContaining('prices:write'),
        });
      await patch(by.prices, edit).expect(200);
    }
    for (const edit of [{ quantity: 3 }, { policy: 'continue' }]) {
      for (const holder of [by.catalog, by.prices]) expect((await patch(holder, edit).expect(403)).body.detail).toContain('inventory:write');
      await patch(by.stock, edit).expect(200);
    }
    await patch(by.catalog, { sku: 'new' }).expect(200);
    await shop.http.patch(`/v1/admin/products/${id}`).set(by.catalog).send({ title: 'Newer' }).expect(200);
  });

  it('leaves the price as it was where it was refused', async () => {
    const { id, variants } = await shop.create('untouched');
    const edit = { title: 'Changed', variants: [{ sku: 'a' }, { id: variants[0]?.id, price }] };
    await shop.http.patch(`/v1/admin/products/${id}`).set(by.catalog).send(edit).expect(403);
    const { body } = await shop.http.get(`/v1/admin/products/${id}`).set(asAdmin).expect(200);
    expect(body).toMatchObject({ version: 1, title: 'Title of untouched', variants: [{ price: { amount: 1999 } }] });
  });

  it('would change prices, were the body not looked at', async () => {
    const { id, variants } = await shop.create('unguarded');
    const edit: Edit = { file: 'src/plugins/auth.ts', from: '    if (Object.keys(scopesOfBody).length === 0) return;\n', to: '    return;\n' };
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [edit] }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false' });
    const { fastify } = await createApp({ ...config, databaseUrl: shop.databaseUrl });
    try {
      const payload = { variants: [{ id: variants[0]?.id, price }] };
      const headers = { host: 'shop', ...by.catalog };
      expect((await fastify.inject({ method: 'PATCH', url: `/v1/admin/products/${id}`, headers, payload })).statusCode).toBe(200);
    } finally {
      await fastify.close();
    }
  }, 30_000);

  it('makes products, with prices only where it may', async () => {
    const post = (holder: Record<string, string>, slug: string, variant: object) =>
      shop.http
        .post('/v1/admin/products')
        .set(holder)
        .send({ title: slug, slug, variants: [variant] });
    await post(by.catalog, 'no-price', { sku: 'a' }).expect(201);
    await post(by.catalog, 'a-price', { price }).expect(403);
    await post(by.catalog, 'a-stock', { quantity: 1 }).expect(403);
    await post(by.prices, 'a-price', { price }).expect(201);
    await post(by.prices, 'both', { price, quantity: 1 }).expect(403);
  });
});
