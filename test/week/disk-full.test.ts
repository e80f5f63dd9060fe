import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/db/migrator.js';
import { asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';
import { startTruthPostgres, type TruthPostgres } from '../truth/postgres.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, politely, quote, read, ready, send, setPrice, stock, untilHit } from './shopper.js';
import { mountSmallDisk } from './small-disk.js';

const diskMb = 120;

describe('a database whose disk is full', () => {
  let disk: ReturnType<typeof mountSmallDisk>;
  let folder: string;
  let postgres: TruthPostgres;
  let operator: pg.Client;
  let server: Instance;

  beforeEach(async () => {
    disk = mountSmallDisk(diskMb);
    folder = disk?.folder ?? mkdtempSync(join(tmpdir(), 'truetag-disk-'));
    chmodSync(folder, 0o711);
    postgres = await startTruthPostgres(folder);
    await migrate({ url: postgres.url });
    operator = new pg.Client({ connectionString: postgres.url, query_timeout: 10_000 });
    operator.on('error', () => {});
    await operator.connect();
    server = await startInstance(postgres.url);
  });
  afterEach(async () => {
    server.kill();
    await Promise.all([server.ended, operator.end().catch(() => {})]);
    await postgres.stop();
    disk?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('refuses with 503 a change that finds no room, goes on reading, and takes changes again without a restart', async () => {
    const [product] = await stock(server, 'disk', 1);
    if (!product) throw new Error('nothing was stocked');
    await untilHit(server, product.slug);
    // The next page of this table is written to the one file of the system that is always full.
    const { rows } = await operator
      .query<{ path: string }>(`TRUNCATE write_log; SELECT current_setting('data_directory') || '/' || pg_relation_filepath('write_log') AS path`)
      .then((results) => (results as unknown as { rows: { path: string }[] }[])[1] ?? { rows: [] });
    const path = rows[0]?.path as string;
    rmSync(path);
    symlinkSync('/dev/full', path);

    for (const refusal of [
      await setPrice(server, product.variantId, 5000),
      await send('POST', `${server.url}/v1/admin/products`, { title: 'Too much', slug: 'too-much' }, asAdmin),
    ]) {
      expect(refusal).toMatchObject({
        ...politely,
        code: 'database_unavailable',
        body: { detail: 'The database has no room for this at the moment' },
      });
    }
    // The log is written behind the answer.
    await expect.poll(() => server.log(), { timeout: 5_000 }).toContain('No space left on device');
    expect(amountOf(await read(server, product.slug))).toBe(product.amount);
    expect((await quote(server, product.variantId)).status).toBe(200);
    expect((await ready(server)).status).toBe(200);

    await operator.query('TRUNCATE write_log');
    expect((await setPrice(server, product.variantId, 6000)).status).toBe(200);
    expect(amountOf(await read(server, product.slug))).toBe(6000);
    await untilHit(server, product.slug);
  });

  it('that takes not even the log ends Postgres: nothing is shown that may be old, and nothing acknowledged is lost once there is room', async () => {
    const [product] = await stock(server, 'log', 1);
    if (!product) throw new Error('nothing was stocked');
    const made: string[] = [];
    /** What the price may be: what was acknowledged last, and after it what nobody knows the outcome of. */
    let stands = [product.amount];
    let back: Promise<void> | undefined;
    if (disk) {
      disk.fill();
      // Products until there is no room for one more, each with a text that does not compress.
      for (let status = 201; status === 201; ) {
        const slug = `large-${made.length}`;
        const description = Array.from({ length: 8000 }, () => Math.random().toString(36).slice(2))
          .join(' ')
          .slice(0, 80_000);
        ({ status } = await send('POST', `${server.url}/v1/admin/products`, { title: slug, slug, status: 'active', description }, asAdmin));
        if (status === 201) made.push(slug);
        else expect(status).toBe(503);
      }
      for (const answer of [await read(server, product.slug), await quote(server, product.variantId), await ready(server)])
        expect(answer.status).toBe(200);
      const change = await setPrice(server, product.variantId, 5001);
      if (change.status === 200) stands = [5001];
      else if (change.code === 'write_outcome_unknown') stands.push(5001);
      await expect(fillLog(operator)).rejects.toThrow();
    } else {
      process.stderr.write('no disk may be mounted here: Postgres is ended as a full one would end it\n');
      expect((await setPrice(server, product.variantId, 5001)).status).toBe(200);
      stands = [5001];
      back = postgres.restart('crash', 5_000);
    }
    // What memory has is true for as long as the lease lasts; then nothing is shown.
    expect(
      await until(
        () => read(server, product.slug),
        ({ status }) => status === 503,
      ),
    ).toMatchObject({ ...politely, code: 'database_unavailable' });
    expect(await setPrice(server, product.variantId, 9999)).toMatchObject(politely);
    expect(await ready(server)).toMatchObject({ status: 503, body: { postgres: 'down' } });

    disk?.free();
    await (back ?? postgres.restart('crash', 0));
    await until(
      () => ready(server),
      ({ status }) => status === 200,
    );
    const shown = await until(
      () => read(server, product.slug),
      ({ status }) => status === 200,
    );
    expect(stands).toContain(amountOf(shown));
    for (const slug of made) expect((await read(server, slug)).status).toBe(200);
    expect(
      (
        await until(
          () => setPrice(server, product.variantId, 7000),
          ({ status }) => status === 200,
        )
      ).status,
    ).toBe(200);
    expect(amountOf(await read(server, product.slug))).toBe(7000);
  });
});

/** Writes the log of Postgres until it has no room; that ends Postgres. Bounded by the disk. */
async function fillLog(operator: pg.Client): Promise<void> {
  for (let megabytes = 0; megabytes < diskMb; megabytes += 1)
    await operator.query(`SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000000))`);
}
