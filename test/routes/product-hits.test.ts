import { Agent, request as send } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { type Service, startService } from '../harness/service.js';

const slug = 'walnut-desk-lamp';

describe('a product hit', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;

  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
    service = await startService(database.url);
  });
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  /** The parameter says nothing new, but keeps the request out of the shortcut. */
  const byRoute = () => ask(service.url, `/v1/products/${slug}?currency=USD`);
  const byShortcut = (headers = {}, method = 'GET') => ask(service.url, `/v1/products/${slug}`, headers, method);

  it('has the same status, headers and bytes before the router as behind it', async () => {
    await byRoute();
    const [route, shortcut] = [await byRoute(), await byShortcut()];
    expect(shortcut.headers['cache-status']).toBe('truetag; hit; detail=memory');
    expect(plain(shortcut)).toEqual(plain(route));
  });

  it('answers 304 to its own validator, with the same headers', async () => {
    const { headers } = await byShortcut();
    const conditional = { 'if-none-match': String(headers.etag) };
    const [route, shortcut] = [await ask(service.url, `/v1/products/${slug}?currency=USD`, conditional), await byShortcut(conditional)];
    expect(shortcut.status).toBe(304);
    expect(plain(shortcut)).toEqual(plain(route));
  });

  it('has the same headers and bytes on a connection that stays open, the first and the later ones', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await byRoute();
    const route = await ask(service.url, `/v1/products/${slug}?currency=USD`, {}, 'GET', agent);
    const validator = { 'if-none-match': String(route.headers.etag) };
    const unchanged = await ask(service.url, `/v1/products/${slug}?currency=USD`, validator, 'GET', agent);
    for (let count = 0; count < 3; count += 1) {
      expect(plain(await ask(service.url, `/v1/products/${slug}`, {}, 'GET', agent))).toEqual(plain(route));
      expect(plain(await ask(service.url, `/v1/products/${slug}`, validator, 'GET', agent))).toEqual(plain(unchanged));
    }
    expect(route.headers).toMatchObject({ connection: 'keep-alive', 'cache-status': 'truetag; hit; detail=memory' });
    agent.destroy();
  });

  it('gives every answer an id of its own', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ids = new Set<unknown>();
    for (let count = 0; count < 20; count += 1) ids.add((await ask(service.url, `/v1/products/${slug}`, {}, 'GET', agent)).headers['x-request-id']);
    expect(ids.size).toBe(20);
    agent.destroy();
  });

  it('takes the caller’s request id', async () => {
    await byRoute();
    expect((await byShortcut({ 'x-request-id': 'given-1' })).headers['x-request-id']).toBe('given-1');
  });

  it('leaves every other method to the router', async () => {
    await byRoute();
    expect((await byShortcut({}, 'HEAD')).status).toBe(200);
    expect((await byShortcut({}, 'DELETE')).status).toBe(405);
  });

  it('leaves everything to the router while draining', async () => {
    await byRoute();
    service.drain();
    expect((await byShortcut()).status).toBe(200);
    expect((await ask(service.url, '/health/ready')).status).toBe(503);
  });
});

interface Answer {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

function ask(base: string, path: string, headers = {}, method = 'GET', agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    send(`${base}${path}`, { method, headers, agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }));
    })
      .on('error', reject)
      .end();
  });
}

/** Without what differs from one request to the next. */
function plain({ status, body, headers: { date: _date, 'x-request-id': _id, ...headers } }: Answer) {
  return { status, body, headers };
}
