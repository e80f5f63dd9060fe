import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { endProcesses, runProcess } from '../run-process.js';
import { audience, startIssuer } from './token-issuer.js';

const as = (key: string) => ({ authorization: `Bearer ${key}` });

describe('a server whose ADMIN_API_KEY is published', () => {
  afterEach(endProcesses);

  it('works, and warns of it at its start, with what to do and without the key', async () => {
    const database = await createDatabase();
    const start = async (env: Record<string, string>) => {
      const server = runProcess('src/server.ts', [], { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'warn', ...env });
      const url = await server.said(/Truetag listens on (\S+)/);
      return { server, url };
    };
    try {
      const file = 'deploy/local-admin-key';
      const key = readFileSync(file, 'utf8').trim();
      const { server, url } = await start({ ADMIN_API_KEY_FILE: file });
      expect((await fetch(`${url}/v1/admin/cache`, { headers: as(key) })).status).toBe(200);
      expect(server.stdout()).toMatch(/"level":40.*ADMIN_API_KEY is the key of the local stack.*openssl rand -hex 32/);
      expect(server.stdout()).not.toContain(key);
      const other = await start({ ADMIN_API_KEY: adminKey });
      await fetch(`${other.url}/v1/admin/cache`, { headers: asAdmin });
      expect(other.server.stdout()).not.toContain('local stack');
    } finally {
      endProcesses();
      await database.drop();
    }
  }, 60_000);
});

describe('a server at its most talkative', () => {
  afterEach(endProcesses);

  it('says that Redis does not take its password, and not which', async () => {
    const database = await createDatabase();
    const password = 'not-the-password-of-this-redis';
    const redis = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => void socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n'));
    });
    await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve));
    const { port } = redis.address() as AddressInfo;
    const env = { DATABASE_URL: database.url, REDIS_URL: `redis://:${password}@127.0.0.1:${port}`, PORT: '0', LOG_LEVEL: 'trace' };
    const server = runProcess('src/server.ts', [], env);
    try {
      await server.said(/Truetag listens on (\S+)/);
      expect(server.stdout()).toContain('WRONGPASS');
      expect(`${server.stdout()}${server.stderr()}`).not.toContain(password);
    } finally {
      endProcesses();
      redis.close();
      await database.drop();
    }
  }, 60_000);

  it('says what happens to keys by their prefix, and never a key, a token or a hash', async () => {
    const database = await createDatabase();
    const issuer = await startIssuer();
    await issuer.makeKey('one');
    const env = {
      DATABASE_URL: database.url,
      ADMIN_API_KEY: adminKey,
      PORT: '0',
      LOG_LEVEL: 'trace',
      JWT_ISSUER: issuer.url,
      JWT_AUDIENCE: audience,
    };
    const server = runProcess('src/server.ts', [], env);
    const url = await server.said(/Truetag listens on (\S+)/);
    const bodies: string[] = [];
    const ask = async (path: string, headers: Record<string, string>, method = 'GET', body?: object) => {
      const answer = await fetch(`${url}${path}`, {
        ...{ method, signal: AbortSignal.timeout(10_000), body: body ? JSON.stringify(body) : null },
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      });
      const text = await answer.text();
      // The two answers that show a key do so on purpose.
      if (answer.status !== 201) bodies.push(text);
      return { status: answer.status, body: JSON.parse(text) };
    };
    try {
      const made = (await ask('/v1/admin/keys', asAdmin, 'POST', { name: 'feed', scopes: ['catalog:read', 'keys:admin'] })).body;
      const rotated = (await ask(`/v1/admin/keys/${made.id}/rotate`, as(made.key), 'POST', {})).body;
      const token = await issuer.sign('one', { scope: 'catalog:read' });
      const ended = await issuer.sign('one', { exp: 1 });
      const wrong = `${made.prefix}_${'0'.repeat(48)}`;
      const call = '/v1/admin/variants?sku=none';
      expect((await ask(call, as(rotated.key))).status).toBe(200);
      expect((await ask(call, as(token))).status).toBe(200);
      expect((await ask('/v1/admin/cache', as(rotated.key))).status).toBe(403);
      expect((await ask(`/v1/admin/keys/${made.id}`, asAdmin, 'DELETE')).status).toBe(200);
      for (const refused of [made.key, wrong, ended, `${adminKey}x`]) expect((await ask(call, as(refused))).status).toBe(401);
      await ask('/v1/admin/keys', asAdmin);
      await database.drop();
      issuer.answer = { status: 500, body: token };
      await issuer.makeKey('new', { isShown: false });
      for (const unclear of [rotated.key, adminKey, token]) expect((await ask(call, as(unclear))).status).toBe(503);

      const said = `${server.stdout()}${server.stderr()}`;
      const changes = server
        .stdout()
        .split('\n')
        .filter((line) => line.includes('"what":'))
        .map((line) => JSON.parse(line) as object);
      const scopes = ['catalog:read', 'keys:admin'];
      expect(changes).toMatchObject([
        { level: 40, what: 'created', key: made.prefix, by: 'env', scopes, expiresAt: null, msg: 'an admin key was created' },
        { level: 40, what: 'rotated', key: made.prefix, into: rotated.prefix, by: made.prefix, scopes },
        { level: 40, what: 'revoked', key: made.prefix, by: 'env', scopes },
      ]);
      expect(said).toContain(`"caller":"env"`);
      const hashes = [made.key, rotated.key, adminKey].flatMap((key) => {
        const hash = createHash('sha256').update(key).digest();
        return [hash.toString('hex'), hash.toString('base64')];
      });
      for (const secret of [made.key.slice(15), rotated.key.slice(15), adminKey, token, token.split('.')[2], wrong, ended, ...hashes]) {
        expect(said).not.toContain(secret);
        for (const body of bodies) expect(body).not.toContain(secret);
      }
    } finally {
      await issuer.close();
    }
  }, 60_000);
});
