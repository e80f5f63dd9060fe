import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../src/app.js';
import { loadConfig } from '../src/config.js';
import { createDatabase } from './harness/database.js';
import { until } from './held-request.js';
import { bundle } from './sabotage/bundle.js';

declare global {
  /** Runs behind the last route of a service that fails there. */
  var atTheLastRoute: () => Promise<void>;
}

/** Far into the start: all connections stand, the lease is held, every route is there. */
const late = { file: 'src/app.ts', from: 'others.finish();', to: `await globalThis.atTheLastRoute(); throw new Error('failed late');` };

describe('a start that fails late', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let operator: pg.Client;
  beforeAll(async () => {
    database = await createDatabase();
    operator = new pg.Client({ connectionString: database.url, application_name: 'operator' });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await database.drop();
  });

  async function connections(): Promise<string[]> {
    const { rows } = await operator.query<{ name: string }>(
      `SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }

  it('says why, and leaves no connection behind', async () => {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [late] }))) as typeof AppModule;
    let open: string[] = [];
    globalThis.atTheLastRoute = async () => {
      open = await connections();
    };
    const config = loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false' });
    await expect(createApp({ ...config, databaseUrl: database.url })).rejects.toThrow('failed late');
    expect(open).toEqual(expect.arrayContaining(['truetag', 'truetag lease']));
    await until(connections, ({ length }) => length === 0);
  });
});
