import { createServer, type Server as NetServer } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../src/config.js';
import { serve } from '../src/server.js';
import { createDatabase, createEmptyDatabase } from './harness/database.js';
import { startRedis } from './harness/redis.js';
import { adminKey } from './harness/service.js';
import { holdRequest, readiness, until } from './held-request.js';
import { endProcesses, type Running, runProcess } from './run-process.js';

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

describe('a server process', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(endProcesses);
  afterAll(() => database.drop());

  const start = (env: Record<string, string>): Running => runProcess('src/server.ts', [], { PORT: '0', ADMIN_API_KEY: adminKey, ...env });
  const up = (server: Running) => server.said(/Truetag listens on (\S+)/);

  it('drains on SIGTERM: it is no longer ready, what is in flight is answered, and it ends with 0 within the grace time', async () => {
    const server = start({ DATABASE_URL: database.url, SHUTDOWN_GRACE_MS: '10000' });
    const url = await up(server);
    const held = await holdRequest(url);
    const askedAt = performance.now();
    server.child.kill('SIGTERM');
    expect(['draining', 'refused']).toContain(
      (
        await until(
          () => readiness(url),
          ({ status }) => status !== 'ready',
        )
      ).status,
    );
    await until(
      () => readiness(url),
      ({ status }) => status === 'refused',
    );
    const answer = await held.finish();
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('"unknown_variant"');
    expect(await server.ended).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(server.stderr()).toBe('');
  });

  it('comes up without a key, says in one line that the admin is off, and ends at once on a second SIGTERM', async () => {
    const server = start({ DATABASE_URL: database.url, ADMIN_API_KEY: '', SHUTDOWN_GRACE_MS: '600000' });
    const url = await up(server);
    expect(lines(server.stdout()).filter((line) => line.includes('admin is off'))).toHaveLength(1);
    const held = await holdRequest(url);
    server.child.kill('SIGTERM');
    await until(
      () => readiness(url),
      ({ status }) => status !== 'ready',
    );
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(1);
    held.drop();
  });

  it('says in one line that its port is taken, and ends with 1', async () => {
    const { port, close } = await listen();
    const server = start({ DATABASE_URL: database.url, PORT: String(port) });
    expect(await server.ended).toBe(1);
    expect(lines(server.stderr())).toEqual([expect.stringContaining(`Port ${port} is taken`)]);
    expect(server.stdout()).not.toContain('stack');
    close();
  });

  it('says every fault of its configuration in a line of its own, and no secret', async () => {
    const faults = {
      PORT: '99999',
      LOG_LEVEL: 'loud',
      MIGRATE: 'yes',
      ADMIN_API_KEY: 'too-short-secret',
      DATABASE_URL: 'mysql://u:hidden@x/y',
      DEFAULT_CURRENCY: 'ZZZ',
      SHUTDOWN_GRACE_MS: '1s',
    };
    const server = start({ ...faults, MEMORY_CACHE_MB: '' });
    expect(await server.ended).toBe(1);
    expect(
      lines(server.stderr())
        .map((line) => line.split(':')[0])
        .toSorted(),
    ).toEqual(Object.keys(faults).toSorted());
    expect(server.stderr()).not.toMatch(/too-short-secret|hidden/);
    expect(server.stdout()).toBe('');
  });

  it('makes the tables once where two start at the same time', async () => {
    const empty = await createEmptyDatabase();
    const servers = [start({ DATABASE_URL: empty.url }), start({ DATABASE_URL: empty.url })];
    for (const url of await Promise.all(servers.map(up))) expect((await readiness(url)).status).toBe('ready');
    const client = new pg.Client({ connectionString: empty.url });
    await client.connect();
    const { rows } = await client.query(
      'SELECT migration_name, count(*)::int AS times, bool_and(finished_at IS NOT NULL) AS done FROM _prisma_migrations GROUP BY 1',
    );
    await client.end();
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toMatchObject({ times: 1, done: true });
    for (const server of servers) server.child.kill('SIGTERM');
    expect(await Promise.all(servers.map(({ ended }) => ended))).toEqual([0, 0]);
    await empty.drop();
  });
});

describe('a server', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  const config = (changes: Partial<Config>): Config => ({ ...loadConfig({ PORT: '0', LOG_LEVEL: 'silent' }), databaseUrl: database.url, ...changes });
  /** What it says where it cannot start. */
  const refusal = (changes: Partial<Config>): Promise<string> =>
    serve(config(changes)).then(
      () => 'it started',
      (error: Error) => error.message,
    );

  it('closes when the grace time is over, whoever is still there', async () => {
    const server = await serve(config({ shutdownGraceMs: 300 }));
    const held = await holdRequest(server.url);
    await server.close();
    expect((await readiness(server.url)).status).toBe('refused');
    await held.closed;
  });

  it('comes up while Redis cannot be reached and picks it up later', async () => {
    const redis = await startRedis();
    await redis.kill();
    const server = await serve(config({ redisUrl: redis.url, shutdownGraceMs: 300 }));
    try {
      expect(await readiness(server.url)).toMatchObject({ status: 'ready', redis: 'down' });
      await redis.start();
      const read = async () => {
        await fetch(`${server.url}/v1/categories`);
        return readiness(server.url);
      };
      expect((await until(read, (state) => state.redis === 'up')).status).toBe('ready');
    } finally {
      await server.close();
      await redis.stop();
    }
  });

  it('says in one line what to do without a database', async () => {
    expect(await refusal({ databaseUrl: undefined })).toMatch(/^DATABASE_URL is not set[^\n]+$/);
  });

  it.each([true, false])('says in one line that nobody listens where its database should be (migrate: %s)', async (migrate) => {
    const said = await refusal({ databaseUrl: 'postgres://shop:hidden@127.0.0.1:1/shop', migrate });
    expect(said).toMatch(/^[^\n]*(database|Postgres)[^\n]*$/);
    expect(said).not.toContain('hidden');
  });

  it('gives up on a database that takes the connection and never answers', async () => {
    const { port, close } = await listen();
    expect(await refusal({ databaseUrl: `postgres://shop@127.0.0.1:${port}/shop`, migrate: false })).toMatch(/^[^\n]*database[^\n]*$/);
    close();
  });

  it('says in one line how the tables come about where it may not make them', async () => {
    const empty = await createEmptyDatabase();
    expect(await refusal({ databaseUrl: empty.url, migrate: false })).toMatch(/^[^\n]*npm run migrate[^\n]*$/);
    await empty.drop();
  });
});

/** Somebody who takes connections and says nothing. */
async function listen(): Promise<{ port: number; close(): NetServer }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}
