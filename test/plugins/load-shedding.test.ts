import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { Problem } from '../../src/routes/problems.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { adminKey, asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { openWatchedShop } from '../sight/watched-shop.js';

const lamp = '/v1/products/walnut-desk-lamp';

/** Keeps the event loop of this process, which is the server's, late for 40 ms at every turn, until told to stop. */
function beLate(): () => void {
  let isOver = false;
  const turn = () => {
    if (isOver) return;
    block(40);
    setImmediate(() => setTimeout(turn, 0));
  };
  turn();
  return () => {
    isOver = true;
  };
}

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('a process that is late for seconds on end', () => {
  const shop = openShop({ redis: false, demo: true, config: { shedDelayMs: 15 } });

  /** Asks until the answer has this status. The test's own time is the bound. */
  async function until(status: number, path = '/v1/products') {
    for (;;) {
      const answer = await shop.http.get(path);
      if (answer.status === status) return answer;
    }
  }

  it('turns away listings, batches, stock, quotes and imports, and goes on with prices, products and health', async () => {
    const made = await shop.create('late');
    await shop.http.get(lamp).expect(200);
    const stop = beLate();
    try {
      const refused = await until(503);
      expect(refused.headers['retry-after']).toBe('2');
      expect(refused.headers['cache-control']).toBe('private, no-cache');
      expect(Problem.parse(refused.body)).toMatchObject({ status: 503, code: 'overloaded', requestId: refused.headers['x-request-id'] });

      const shed: string[] = [];
      for (const { method, url, isRefusal } of shop.service.routes) {
        if (isRefusal || url.startsWith('/docs')) continue;
        const answer = await fetch(`${shop.service.url}${url.replaceAll(/:\w+/g, 'nobody')}`, { method, headers: asAdmin });
        if (answer.status === 503) shed.push(`${method} ${url}`);
        await answer.arrayBuffer();
      }
      expect(shed.toSorted()).toEqual([
        'GET /media/demo/:file',
        'GET /v1/categories',
        'GET /v1/categories/:slug',
        'GET /v1/inventory/:variantId',
        'GET /v1/products',
        'HEAD /media/demo/:file',
        'HEAD /v1/categories',
        'HEAD /v1/categories/:slug',
        'HEAD /v1/inventory/:variantId',
        'HEAD /v1/products',
        'POST /v1/admin/imports',
        'POST /v1/products/batch',
        'POST /v1/quotes',
      ]);

      const price = { currency: 'USD', amount: 4711 };
      await shop.http.patch(`/v1/admin/variants/${made.variants[0]?.id}/price`).set(asAdmin).send(price).expect(200);
      expect((await shop.http.get('/v1/products/late').expect(200)).body.priceRange.min).toEqual({ amount: 4711, currency: 'USD' });
      expect((await shop.http.get(lamp).expect(200)).headers['cache-status']).toBe('truetag; hit; detail=memory');
      await shop.http.get('/health/ready').expect(200);
      await shop.http.get('/v1/products').expect(503);
    } finally {
      stop();
    }
    await until(200);
  });
});

describe('a process that is told to turn nobody away', () => {
  const shop = openShop({ redis: false, config: { shedDelayMs: 0 } });

  it('looks at nothing', () => {
    expect('isUnderPressure' in shop.service.fastify).toBe(false);
  });
});

describe('a process that has as good as all the memory it may have', () => {
  const shop = openWatchedShop({ redis: false, demo: true, config: { memoryLimitBytes: process.memoryUsage().rss } });

  it('turns listings away for want of memory, and goes on with products', async () => {
    while ((await shop.http.get('/v1/products')).status !== 503);
    await shop.http.get(lamp).expect(200);
    const { value } = await shop.scrape();
    expect(value('truetag_requests_shed_total', { reason: 'memory' })).toBeGreaterThan(0);
    expect(value('truetag_requests_shed_total', { reason: 'heap' })).toBe(0);
  });
});

describe('a process with a tenth and more of its memory to spare', () => {
  const shop = openShop({ redis: false, demo: true, config: { memoryLimitBytes: 4 * process.memoryUsage().rss } });

  it('turns nobody away', async () => {
    // Three looks and one more, a second each.
    for (const end = performance.now() + 4_000; performance.now() < end; ) await shop.http.get('/v1/products').expect(200);
  });
});

describe('one long pause', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
  });
  afterAll(() => database.drop());

  /** What a listing answers at once after a pause of four seconds, longer than most leases. */
  async function afterPause(edits: readonly Edit[]): Promise<number> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', MIGRATE: 'false', ADMIN_API_KEY: adminKey, SHED_DELAY_MS: '25' });
    const { fastify } = await createApp({ ...config, databaseUrl: database.url });
    try {
      const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
      await (await fetch(`${url}/v1/products`)).arrayBuffer();
      block(4_000);
      // The looks that fell into the pause are made up for before anything that has arrived is read.
      await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 0)));
      return (await fetch(`${url}/v1/products`)).status;
    } finally {
      await fastify.close();
    }
  }

  it('turns nobody away', async () => {
    expect(await afterPause([])).toBe(200);
  });

  it('turns a listing away, where one bad look is enough', async () => {
    expect(await afterPause([{ file: 'src/plugins/load-shedding.ts', from: 'const looks = 3;', to: 'const looks = 1;' }])).toBe(503);
  });
});
