import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { until } from '../held-request.js';
import { createFaultProxy, type FaultProxy } from '../truth/fault-proxy.js';
import { withPort } from '../truth/ports.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, politely, quote, read, ready, setPrice, stock, untilHit } from './shopper.js';

describe('a Postgres that is slow to answer one instance', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let near: Instance;
  let far: Instance;
  let proxy: FaultProxy;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await createFaultProxy(Number(new URL(database.url).port));
    [near, far] = await Promise.all([startInstance(database.url), startInstance(withPort(database.url, proxy.port))]);
  });
  afterAll(async () => {
    for (const server of [near, far]) server.kill();
    await Promise.all([near.ended, far.ended]);
    await proxy.close();
    await database.drop();
  });

  it('costs that instance time and no answer while each takes a fifth of a second longer', async () => {
    const [hot, cold] = await stock(near, 'late', 2);
    if (!hot || !cold) throw new Error('nothing was stocked');
    await untilHit(far, hot.slug);
    proxy.set('latency', 100);
    for (const amount of [2001, 2002, 2003]) {
      expect((await setPrice(near, hot.variantId, amount)).status).toBe(200);
      expect(amountOf(await read(far, hot.slug))).toBe(amount);
    }
    expect((await setPrice(far, hot.variantId, 2004)).status).toBe(200);
    expect(amountOf(await read(near, hot.slug))).toBe(2004);
    for (const answer of [await read(far, cold.slug), await quote(far, cold.variantId), await ready(far)]) expect(answer.status).toBe(200);
    await untilHit(far, hot.slug);
    proxy.set('pass');
  });

  it('has it refuse what it cannot know, and never show an old price, while answers take longer than it waits', async () => {
    const [hot] = await stock(near, 'slow', 1);
    if (!hot) throw new Error('nothing was stocked');
    await untilHit(far, hot.slug);
    proxy.set('slow-replies', 3_000);
    // The lease runs out: from then on nothing is answered that Postgres has not confirmed.
    expect(
      await until(
        () => read(far, hot.slug),
        ({ status }) => status === 503,
      ),
    ).toMatchObject({ ...politely, code: 'database_unavailable' });
    expect(
      await until(
        () => setPrice(near, hot.variantId, 3001),
        ({ status }) => status === 200,
      ),
    ).toMatchObject({ status: 200 });
    const [shown, change, health] = await Promise.all([read(far, hot.slug), setPrice(far, hot.variantId, 3002), ready(far)]);
    for (const refusal of [shown, change]) expect(refusal).toMatchObject(politely);
    expect(health).toMatchObject({ status: 503, body: { status: 'unavailable', postgres: 'down' } });
    expect((await read(near, hot.slug)).status).toBe(200);

    proxy.set('pass');
    expect(
      await until(
        () => ready(far),
        ({ status }) => status === 200,
      ),
    ).toMatchObject({ body: { status: 'ready' } });
    // The change that was refused, or whose outcome nobody knew, is there on both or on none.
    const stands = amountOf(
      await until(
        () => read(far, hot.slug),
        ({ status }) => status === 200,
      ),
    );
    expect(amountOf(await read(near, hot.slug))).toBe(stands);
    expect(
      (
        await until(
          () => setPrice(far, hot.variantId, 3003),
          ({ status }) => status === 200,
        )
      ).status,
    ).toBe(200);
    expect(amountOf(await read(near, hot.slug))).toBe(3003);
    await untilHit(far, hot.slug);
  });
});
