import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { until } from '../held-request.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, politely, quote, read, ready, setPrice, stock, untilHit } from './shopper.js';

/** Two connections for readers, and one for changes. */
const pool = 3;
const readers = 2;

describe('a pool whose connections are all in use', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: Instance;
  let operator: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    server = await startInstance(database.url, { DATABASE_POOL: String(pool) });
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
  });
  afterAll(async () => {
    server.kill();
    await Promise.all([server.ended, operator.end()]);
    await database.drop();
  });

  /** Connections for the service's readers that wait for our lock at this moment. */
  async function waiting(): Promise<number> {
    await operator.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await operator.query<{ count: string }>(
      `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'truetag' AND datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return Number(rows[0]?.count);
  }

  it('refuses with 503 what needs one, goes on from memory, stays ready, and is well again by itself', async () => {
    const [hot] = await stock(server, 'pool', 1);
    if (!hot) throw new Error('nothing was stocked');
    await untilHit(server, hot.slug);
    await operator.query('BEGIN; LOCK TABLE product, variant IN ACCESS EXCLUSIVE MODE');
    let isOver = false;
    const refusals: Awaited<ReturnType<typeof quote>>[] = [];
    // Whoever is refused comes again at once: as one connection comes free, the next is waiting for it.
    const crowd = Array.from({ length: 5 * pool }, async () => {
      while (!isOver) refusals.push(await quote(server, hot.variantId));
    });
    await until(waiting, (held) => held === readers);
    const [fromMemory, fromPostgres, change, health] = await Promise.all([
      read(server, hot.slug),
      read(server, 'nobody-has-asked-for-this'),
      setPrice(server, hot.variantId, 7777),
      ready(server),
    ]);
    isOver = true;
    await Promise.all(crowd);
    await operator.query('ROLLBACK');

    expect(fromMemory).toMatchObject({ status: 200, cache: 'truetag; hit; detail=memory' });
    expect(fromPostgres).toMatchObject(politely);
    expect(change).toMatchObject({ ...politely, code: expect.stringMatching(/^(busy|database_unavailable|write_outcome_unknown)$/) });
    expect(health).toMatchObject({ status: 200, body: { status: 'ready', postgres: 'up' } });
    for (const refusal of refusals) expect(refusal).toMatchObject(politely);

    expect(
      (
        await until(
          () => setPrice(server, hot.variantId, 8888),
          ({ status }) => status === 200,
        )
      ).status,
    ).toBe(200);
    expect(amountOf(await read(server, hot.slug))).toBe(8888);
    expect((await read(server, 'nobody-has-asked-for-this')).status).toBe(404);
    expect((await quote(server, hot.variantId)).status).toBe(200);
  });
});
