import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/cache/truth-ports.js';
import { migrate } from '../../src/db/migrator.js';
import { createOpenSession } from '../../src/db/truth-session.js';
import { startTestPostgres } from '../harness/postgres.js';

/** Of its own: the others would not survive this. Nothing that does not ask for it waits for the disk here. */
let postgres: Awaited<ReturnType<typeof startTestPostgres>>;
let open: ReturnType<typeof createOpenSession>;

beforeAll(async () => {
  postgres = await startTestPostgres();
  await migrate({ url: postgres.url });
  open = createOpenSession({ url: postgres.url, catalogId: randomUUID(), answerMs: 900 });
});
afterAll(() => postgres.stop());

const deaf = { onArm() {}, onRelease() {}, onAck() {}, onEnd() {} };

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Kills a backend, at which Postgres ends all others and recovers. Resolves when it answers again. */
async function killBackend(): Promise<void> {
  const victim = await connect();
  const { rows } = await victim.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const ended = new Promise((resolve) => victim.once('end', resolve));
  process.kill(rows[0]?.pid as number, 'SIGKILL');
  await ended;
  await expect
    .poll(
      () =>
        connect().then(
          (client) => client.end().then(() => true),
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
}

async function lookAfresh() {
  const session = await open(randomUUID(), deaf);
  const look = await session.look();
  session.close();
  return look;
}

describe('a backend that is killed, under a postmaster that lives on', () => {
  it('leaves the pair as it is, and takes back no beat that was answered', async () => {
    const session = await open(randomUUID(), deaf);
    const id = randomUUID();
    await session.join(id, 2000);
    const { pair } = await session.look();
    await session.beat(id, 41);
    await killBackend();
    const look = await lookAfresh();
    expect(look.pair).toBe(pair);
    expect(look.instances).toContainEqual({ id, beat: 41, leaseMs: 2000 });
  });

  it('brings back no block that was reaped', async () => {
    const session: Session = await open(randomUUID(), deaf);
    const [token, other] = [randomUUID(), randomUUID()];
    const client = await connect();
    await client.query(`INSERT INTO block (token, key, writer) VALUES ($1, 'slug:lamp', $3), ($2, 'slug:chair', $3)`, [token, other, randomUUID()]);
    // What stands before is on disk, so that only the deletion can be lost.
    await client.query('CHECKPOINT');
    await session.reap([token]);
    await killBackend();
    expect((await lookAfresh()).blocks.map((block) => block.token)).toEqual([other]);
    await client.end().catch(() => {});
  });
});
