import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';
import type { Edit } from '../sabotage/edit.js';
import { scrape } from '../sight/scrape.js';
import { type Instance, startInstance } from './instance.js';
import { type Answer, amountOf, list, politely, quote, read, ready, type Stocked, send, stock, untilHit } from './shopper.js';

interface Shop {
  server: Instance;
  hot: Stocked;
  /** What the crowd was answered. */
  answers: Answer[];
  /** A key that is looked up. */
  asFeed: Record<string, string>;
  /** Ends the crowd, and what it waits for. */
  disperse(): Promise<void>;
}

const customers = 500;
const changes = 20;
/** As long as a price change may take while they wait: it usually takes some milliseconds, and here 500 clients share its processors. */
const changeWithinMs = 2_000;
/** Two connections for readers, and two for changes. */
const settings = { DATABASE_POOL: '4', SHED_WAITING: '10' };

describe('500 customers who wait for a quote while Postgres is slow to make them', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let operator: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await database.drop();
  });

  /** Starts an instance and a key of the database's own, has the crowd wait, and runs `work` while it does. */
  async function inTheCrowd<T>(
    name: string,
    { env = {}, edits = [] }: { env?: Record<string, string>; edits?: readonly Edit[] },
    work: (shop: Shop) => Promise<T>,
  ): Promise<T> {
    const server = await startInstance(database.url, { ...settings, ...env }, { edits });
    let isOver = false;
    let crowd: Promise<void>[] = [];
    const disperse = async () => {
      isOver = true;
      await operator.query('ROLLBACK');
      await Promise.all(crowd);
    };
    try {
      const [hot] = await stock(server, name, 1);
      if (!hot) throw new Error('nothing was stocked');
      await untilHit(server, hot.slug);
      expect((await list(server, 'limit=5')).status).toBe(200);
      const scopes = ['prices:write', 'catalog:read', 'imports:write', 'imports:read'];
      const key = await send('POST', `${server.url}/v1/admin/keys`, { name: 'Price feed', scopes }, asAdmin);
      const asFeed = { authorization: `Bearer ${(key.body as { key?: string }).key}` };
      // A quote waits for this, and no price change does: until Postgres ends it, it has one of the connections for readers.
      await operator.query('BEGIN; LOCK TABLE inventory IN ACCESS EXCLUSIVE MODE');
      const answers: Answer[] = [];
      crowd = Array.from({ length: customers }, async () => {
        while (!isOver) {
          const answer = await quote(server, hot.variantId);
          answers.push(answer);
          // Whoever has waited in vain comes again at once, so that the line stays as long; whoever was turned away comes back when it is told to.
          if (answer.code === 'overloaded' && !isOver) await sleep(1000 * Number(answer.retryAfter));
        }
      });
      await until(waiting, (held) => held === 2);
      return await work({ server, hot, answers, asFeed, disperse });
    } finally {
      await disperse();
      server.kill();
      await server.ended;
    }
  }

  /** Quotes that wait for our lock at this moment. */
  async function waiting(): Promise<number> {
    await operator.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await operator.query<{ count: string }>(
      `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'truetag' AND datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return Number(rows[0]?.count);
  }

  /** A feed that knows the SKU finds the variant and changes its price: twenty times, up to the first refusal. The statuses, and the longest in ms. */
  async function change({ server, hot, asFeed }: Shop, from: number) {
    const statuses: number[] = [];
    let longestMs = 0;
    for (let amount = from; amount < from + changes && !statuses.includes(503); amount += 1) {
      const startedAt = performance.now();
      const found = await send('GET', `${server.url}/v1/admin/variants?sku=${hot.sku}`, undefined, asFeed);
      const [variant] = (found.body.data ?? []) as unknown as { variantId: string }[];
      const path = `/v1/admin/variants/${variant?.variantId}/price`;
      const changed = found.status === 200 ? await send('PATCH', `${server.url}${path}`, { currency: 'USD', amount }, asFeed) : found;
      statuses.push(changed.status);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
    return { statuses: new Set(statuses), longestMs };
  }

  /** An import is taken, and how it stands is told: the status of each answer. */
  async function upload({ server, asFeed }: Shop): Promise<number[]> {
    const file = { method: 'POST', headers: { ...asFeed, 'content-type': 'text/csv' }, body: 'Handle,Title\n' };
    const taken = await fetch(`${server.url}/v1/admin/imports`, { ...file, signal: AbortSignal.timeout(10_000) });
    const { id } = (await taken.json()) as { id?: string };
    const told = await send('GET', `${server.url}/v1/admin/imports/${id}`, undefined, asFeed);
    return [taken.status, told.status];
  }

  it('keep no price from being found and changed, no product in memory from being shown and no health from being told, and are turned away in time', async () => {
    const metricsPort = await freePort();
    await inTheCrowd('crowd', { env: { METRICS_PORT: String(metricsPort) } }, async (shop) => {
      const { server, hot, answers } = shop;
      const first = await change(shop, 2001);
      expect(first.statuses).toEqual(new Set([200]));
      expect(first.longestMs).toBeLessThan(changeWithinMs);

      const turnedAway = await until(
        async () => answers.find(({ code }) => code === 'overloaded'),
        (found) => found !== undefined,
      );
      expect(turnedAway).toMatchObject({ status: 503, retryAfter: '2' });
      for (const answer of answers) expect(answer).toMatchObject(politely);
      expect(await upload(shop)).toEqual([202, 200]);

      const [second, live, health, product, page] = await Promise.all([
        change(shop, 3001),
        send('GET', `${server.url}/health/live`),
        ready(server),
        read(server, hot.slug),
        list(server, 'limit=5'),
      ]);
      expect(second.statuses).toEqual(new Set([200]));
      expect(second.longestMs).toBeLessThan(changeWithinMs);
      expect([live.status, health.status, product.status]).toEqual([200, 200, 200]);
      expect(page).toMatchObject({ status: 200, cache: expect.stringMatching(/^truetag; hit; detail=(memory|stale)$/) });
      expect(amountOf(await read(server, hot.slug))).toBe(3000 + changes);

      const { value } = await until(
        () => scrape(`http://127.0.0.1:${metricsPort}/metrics`),
        (now) => (now.value('truetag_postgres_pool_waiting', { pool: 'read' }) ?? 0) > 0,
      );
      expect(value('truetag_requests_shed_total', { reason: 'database' })).toBeGreaterThan(0);
      expect([
        value('truetag_postgres_pool_max_connections', { pool: 'read' }),
        value('truetag_postgres_pool_max_connections', { pool: 'write' }),
      ]).toEqual([2, 2]);

      await shop.disperse();
      expect((await quote(server, hot.variantId)).status).toBe(200);
      await until(
        async () => server.log(),
        (log) => log.includes('Too many wait to read from Postgres') && log.includes('Postgres answers everybody again'),
      );
    });
  });

  const shared: [what: string, edit: Edit][] = [
    ['changes', { file: 'src/db/client.ts', from: 'writing: { pool: writePool, url },', to: 'writing: { pool, url },' }],
    ['what a change looks up', { file: 'src/app/services.ts', from: 'createProductReads(db.writing)', to: 'createProductReads(db)' }],
    ['keys', { file: 'src/app/access.ts', from: 'createApiKeys(options.connections.db.writing)', to: 'createApiKeys(options.connections.db)' }],
  ];
  it.each(shared)('keep a price from being changed, where %s have no connections of their own', async (what, edit) => {
    const { statuses } = await inTheCrowd(what.replaceAll(' ', '-'), { edits: [edit] }, (shop) => change(shop, 2001));
    expect(statuses).toContain(503);
  });

  it('keep an import from being taken, where its job is written among the readers', async () => {
    const edit = { file: 'src/db/client.ts', from: 'new PrismaPg(writePool,', to: 'new PrismaPg(pool,' };
    await inTheCrowd('upload', { edits: [edit] }, (shop) =>
      until(
        () => upload(shop),
        ([taken]) => taken === 503,
      ),
    );
  });

  it('are never turned away before their second has passed, where nobody looks at the line', async () => {
    const codes = await inTheCrowd('unseen', { env: { SHED_WAITING: '0' } }, async ({ answers }) => {
      await until(
        async () => answers.length,
        (count) => count > 4 * customers,
      );
      return new Set(answers.map(({ code }) => code));
    });
    expect([...codes]).toEqual(['database_unavailable']);
  });
});
