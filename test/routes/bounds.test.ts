import pg from 'pg';
import { expect, it } from 'vitest';
import { Problem } from '../../src/routes/problems.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from './open-shop.js';

/** Longer than any call of the table in docs/limits.md may take, and shorter than a client would wait. */
const patienceMs = 15_000;

const shop = openShop({ demo: true, config: { memoryCacheBytes: 2 ** 20 } });

/** Calls of a database whose tables somebody holds, so that none of them is answered. */
function calls({ id, variantId }: { id: string; variantId: string }): [string, string, object?][] {
  const price = { currency: 'USD', amount: 1 };
  return [
    ['GET', '/v1/products'],
    ['GET', '/v1/products?q=lamp&option.Size=M&priceMin=1&sort=price'],
    ['GET', '/v1/products/tripod-floor-lamp'],
    ['GET', '/v1/products/nobody-has-it'],
    ['POST', '/v1/products/batch', { slugs: ['tripod-floor-lamp', 'nobody-has-it'] }],
    ['GET', '/v1/categories'],
    ['GET', '/v1/categories/lighting'],
    ['GET', `/v1/inventory/${variantId}`],
    ['POST', '/v1/quotes', { currency: 'USD', lines: [{ variantId, quantity: 1 }] }],
    ['GET', `/v1/admin/products/${id}`],
    ['POST', '/v1/admin/products', { title: 'New', slug: 'new' }],
    ['PATCH', `/v1/admin/products/${id}`, { title: 'Other' }],
    ['DELETE', `/v1/admin/products/${id}`],
    ['PATCH', `/v1/admin/variants/${variantId}/price`, price],
    ['GET', '/v1/admin/variants?sku=a'],
    ['PUT', `/v1/admin/inventory/${variantId}`, { quantity: 1 }],
    ['GET', `/v1/admin/imports/${id}`],
  ];
}

it('every call that needs the database is given up while it does not answer, and nothing of it runs on there', async () => {
  const made = await shop.create('held');
  const variantId = made.variants[0]?.id ?? '';
  const watcher = new pg.Client({ connectionString: shop.databaseUrl });
  await watcher.connect();
  try {
    await watcher.query('BEGIN');
    const { rows } = await watcher.query<{ name: string }>(`SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'`);
    // Instances and writes go on to be registered: a write gets as far as its document, and is given up there.
    const held = rows.map(({ name }) => name).filter((name) => !/^(instance|write_|truth|_prisma)/.test(name));
    await watcher.query(`LOCK TABLE ${held.join(', ')} IN ACCESS EXCLUSIVE MODE`);

    const answers = await Promise.all(
      calls({ id: made.id, variantId }).map(async ([method, path, body]) => {
        const headers = { ...asAdmin, ...(body && { 'content-type': 'application/json' }) };
        const signal = AbortSignal.timeout(patienceMs);
        const answer = await fetch(`${shop.service.url}${path}`, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) });
        return { call: `${method} ${path}`, answer, problem: Problem.safeParse(await answer.json()) };
      }),
    );
    for (const { call, answer, problem } of answers) {
      expect({ call, status: answer.status, isToldWhen: answer.headers.has('retry-after') }).toEqual({ call, status: 503, isToldWhen: true });
      expect({ call, code: problem.data?.code }).toEqual({ call, code: expect.stringMatching(/^(busy|database_unavailable)$/) });
    }
    const running = `SELECT count(*)::integer AS count FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'`;
    for (const deadline = Date.now() + patienceMs; ; ) {
      const { rows: left } = await watcher.query<{ count: number }>(running);
      if (left[0]?.count === 0 || Date.now() > deadline) {
        expect(left[0]?.count).toBe(0);
        break;
      }
    }
  } finally {
    await watcher.query('ROLLBACK').catch(() => {});
    await watcher.end();
  }
});
