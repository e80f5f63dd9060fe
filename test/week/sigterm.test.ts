import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { adminKey, startService } from '../harness/service.js';
import { until } from '../held-request.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, read, stock, untilHit } from './shopper.js';

/**
 * How a request ended. `unsent`: no byte of an answer came; on a new connection, the door was closed already and another instance may be asked, on
 * one that has been used before, it was closed into our face. `cut`: an answer that began and did not end.
 */
type End = { what: 'answered'; status: number } | { what: 'unsent'; isReused: boolean } | { what: 'cut' };

const graceMs = 8_000;

describe('SIGTERM under load', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: Instance;

  beforeAll(async () => {
    database = await createDatabase();
    server = await startInstance(database.url, { SHUTDOWN_GRACE_MS: String(graceMs) });
  });
  afterAll(async () => {
    server.kill();
    await server.ended;
    await database.drop();
  });

  it('cuts no answer short, breaks no connection that is in use, keeps what it has acknowledged, and ends within the grace time', async () => {
    const products = await stock(server, 'drain', 12);
    await untilHit(server, 'drain-1');
    const ends: End[] = [];
    const acknowledged = new Map(products.map(({ slug, amount }) => [slug, amount]));
    let isOver = false;
    const shoppers = Array.from({ length: 24 }, async (_, i) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let n = 0; !isOver; n += 1) {
        const path = [`/v1/products/drain-${1 + (n % 12)}`, `/v1/products?limit=${1 + ((n + i) % 50)}`, '/v1/categories', `/v1/products/nobody-${n}`][
          n % 4
        ];
        const end = await ask(server.port, agent, 'GET', path as string);
        ends.push(end);
        if (end.what === 'unsent') break;
      }
      agent.destroy();
    });
    const writers = products.map(async ({ slug, variantId }, i) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let amount = 10_000 * (i + 2); !isOver; amount += 1) {
        const end = await ask(server.port, agent, 'PATCH', `/v1/admin/variants/${variantId}/price`, { currency: 'USD', amount });
        ends.push(end);
        if (end.what === 'answered' && end.status === 200) acknowledged.set(slug, amount);
        if (end.what === 'unsent') break;
      }
      agent.destroy();
    });
    await until(
      async () => ends.length,
      (count) => count > 500,
    );
    const askedAt = performance.now();
    server.terminate();
    const isInTime = await Promise.race([server.ended.then(() => true), sleep(graceMs + 2_000, false, { ref: false })]);
    expect(isInTime).toBe(true);
    isOver = true;
    await Promise.all([...shoppers, ...writers]);

    expect(ends.filter(({ what }) => what === 'cut')).toEqual([]);
    const answers = ends.filter((end) => end.what === 'answered');
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    // Every client has been told in time that its connection ends, and makes one attempt in vain at most.
    expect(ends.filter((end) => end.what === 'unsent' && end.isReused)).toEqual([]);
    expect(ends.filter(({ what }) => what === 'unsent').length).toBeLessThanOrEqual(24 + products.length);
    expect(performance.now() - askedAt).toBeLessThan(graceMs + 2_000);

    const next = await startService(database.url);
    // What was acknowledged stands, and what found a closed door has not been made.
    for (const { slug } of products) expect(amountOf(await read(next, slug))).toBe(acknowledged.get(slug));
    await next.close();
  });
});

function ask(port: number, agent: Agent, method: string, path: string, body?: object): Promise<End> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined ? {} : { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', 'content-length': text.length };
  return new Promise((resolve) => {
    const asked = request({ agent, method, path, headers, host: '127.0.0.1', port, timeout: 10_000 }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.complete ? { what: 'answered', status: answer.statusCode ?? 0 } : { what: 'cut' }));
      answer.on('error', () => resolve({ what: 'cut' }));
    });
    asked.on('timeout', () => resolve({ what: 'cut' }));
    asked.on('error', () => resolve({ what: 'unsent', isReused: asked.reusedSocket }));
    asked.end(text);
  });
}
