import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyIn } from '../access/open-keys.js';
import { createDatabase } from '../harness/database.js';
import { adminKey, asAdmin, type Service, startService } from '../harness/service.js';
import { countStatements } from '../harness/statements.js';
import { openShop } from '../routes/open-shop.js';
import { audience, startIssuer, type TokenIssuer } from './token-issuer.js';

const call = '/v1/admin/variants?sku=none';
const as = (key: string) => ({ authorization: `Bearer ${key}` });

describe('a token of the trusted issuer', () => {
  const shop = openShop({ redis: false });
  let issuer: TokenIssuer;
  let service: Service;
  beforeAll(async () => {
    issuer = await startIssuer();
    await issuer.makeKey('one');
    const jwt = { issuer: issuer.url, audience, jwksUrl: `${issuer.url}/.well-known/jwks.json` };
    service = await startService(shop.databaseUrl, { jwt, adminApiKey: undefined, wrongKeysPerMinute: 3 });
  });
  afterAll(async () => {
    await service.close();
    await issuer.close();
  });

  it('may do what its scopes say, and nothing else', async () => {
    const token = await issuer.sign('one', { scope: 'openid catalog:read', permissions: ['keys:admin', 'everything'] });
    await service.http.get(call).set(as(token)).expect(200);
    expect((await service.http.get('/v1/admin/cache').set(as(token)).expect(403)).body).toMatchObject({ code: 'missing_scope' });
    const made = await service.http
      .post('/v1/admin/keys')
      .set(as(token))
      .send({ name: 'a', scopes: ['catalog:read'] });
    expect(made).toMatchObject({ status: 201, body: { createdBy: 'jwt:erp' } });
    expect(await service.isAdminOff()).toBe(false);
  });

  it('is refused once it has ended, which is no guess, and where it was never signed, which is one', async () => {
    const ended = await issuer.sign('one', { scope: 'catalog:read', exp: 1 });
    for (let i = 0; i < 5; i += 1) expect((await service.http.get(call).set(as(ended)).expect(401)).body.detail).toBe('This token has expired');
    const [head, body] = ended.split('.');
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await service.http.get(call).set(as(`${head}.${body}.${'A'.repeat(86)}`))).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    // One that is signed cannot have been guessed, whatever came from its address.
    await service.http
      .get(call)
      .set(as(await issuer.sign('one', { scope: 'catalog:read' })))
      .expect(200);
  });

  it('is no key where no issuer is trusted', async () => {
    await shop.http
      .get(call)
      .set(as(await issuer.sign('one', { scope: 'catalog:read' })))
      .expect(401);
  });

  it('cannot be checked where the issuer does not answer: 503, and keys go on', async () => {
    const jwt = { issuer: 'https://issuer.test', audience, jwksUrl: 'http://127.0.0.1:1/keys' };
    const lonely = await startService(shop.databaseUrl, { jwt });
    try {
      const token = await issuer.sign('one', { iss: jwt.issuer, scope: 'catalog:read' });
      const { body, headers } = await lonely.http.get(call).set(as(token)).expect(503);
      expect(body).toMatchObject({ code: 'issuer_unavailable' });
      expect(headers['retry-after']).toMatch(/^\d+$/);
      expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|fetch/);
      await lonely.http.get(call).set(asAdmin).expect(200);
    } finally {
      await lonely.close();
    }
  });
});

describe('a request to the admin', () => {
  const shop = openShop({ redis: false });

  it('asks Postgres once for a key that it holds, and not at all for that of ADMIN_API_KEY', async () => {
    const key = await keyIn(shop.databaseUrl, { name: 'feed', scopes: ['cache:read'] });
    const statements = countStatements();
    try {
      for (let i = 0; i < 3; i += 1) await shop.http.get('/v1/admin/cache').set(asAdmin).expect(200);
      expect(statements.of('api_key')).toBe(0);
      for (let i = 0; i < 3; i += 1) await shop.http.get('/v1/admin/cache').set(as(key)).expect(200);
      expect(statements.of('api_key_by_prefix')).toBe(3);
      expect(statements.of('api_key_note_use')).toBe(1);
    } finally {
      statements.stop();
    }
  });
});

describe('a service without ADMIN_API_KEY', () => {
  const shop = openShop({ redis: false, config: { adminApiKey: undefined } });

  it('takes the keys of its database as soon as there is one', async () => {
    expect(await shop.service.isAdminOff()).toBe(true);
    const key = await keyIn(shop.databaseUrl, { name: 'first', scopes: ['catalog:read'] });
    expect(await shop.service.isAdminOff()).toBe(false);
    await shop.http.get(call).set(as(key)).expect(200);
    await shop.http.get(call).set(asAdmin).expect(401);
    expect((await shop.http.get(call).expect(401)).body.detail).not.toContain(adminKey);
  });
});

describe('a service that has lost its database', () => {
  it('knows the key of ADMIN_API_KEY, and cannot tell whether others hold', async () => {
    const database = await createDatabase();
    const key = await keyIn(database.url, { name: 'feed', scopes: ['catalog:read', 'cache:read'] });
    const service = await startService(database.url);
    const keyless = await startService(database.url, { adminApiKey: undefined });
    try {
      await service.http.get(call).set(as(key)).expect(200);
      await database.drop();
      await service.http.get('/v1/admin/cache').set(asAdmin).expect(200);
      for (const [path, headers] of [
        [call, asAdmin],
        [call, as(key)],
        ['/v1/admin/cache', as(key)],
      ] as const) {
        const answer = await service.http.get(path).set(headers).expect(503);
        expect(answer.body).toMatchObject({ code: 'database_unavailable' });
        expect(answer.headers['retry-after']).toBe('1');
      }
      await service.http.get(call).expect(401);
      await service.http.get(call).set(as('wrong-wrong-wrong-wrong-wrong-wrong')).expect(401);
      await keyless.http.get(call).expect(401);
    } finally {
      await service.close();
      await keyless.close();
    }
  });
});
