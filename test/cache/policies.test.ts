import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policies } from '../../src/cache/policies.js';
import { createDatabase } from '../harness/database.js';
import { type Service, startService } from '../harness/service.js';

describe('the policy table', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;
  let routes: string[];

  beforeAll(async () => {
    database = await createDatabase();
    service = await startService(database.url);
    routes = service.routes
      .filter(({ isRefusal, method, url }) => !isRefusal && method !== 'HEAD' && !url.startsWith('/docs'))
      .map(({ method, url }) => `${method} ${url}`);
  });
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  it('has a row for every route', () => {
    const rows = Object.values(policies).map(({ endpoint }) => endpoint);
    expect(routes.filter((route) => !rows.includes(route as never))).toEqual([]);
  });

  it('has a route for every row', () => {
    const rows = Object.values(policies).map(({ endpoint }): string => endpoint);
    expect(rows.filter((row) => !routes.includes(row))).toEqual([]);
    expect(new Set(rows).size).toBe(rows.length);
  });

  it('says of every uncached row why, and of every cached one what it costs without a cache', () => {
    for (const policy of Object.values(policies)) {
      expect(policy.why.length).toBeGreaterThan(10);
      if ('uncachedMs' in policy) expect(policy.uncachedMs).toBeGreaterThan(0);
    }
  });
});
