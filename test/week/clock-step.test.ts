import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreatedKey, NewKey } from '../../src/access/api-key.js';
import { keyIn } from '../access/open-keys.js';
import { createDatabase } from '../harness/database.js';
import { redisUrl } from '../harness/redis.js';
import { asAdmin } from '../harness/service.js';
import { type Instance, startInstance } from './instance.js';
import { amountOf, list, read, send, setPrice, stock, untilHit } from './shopper.js';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

describe('a wall clock that is set', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let stepped: Instance;
  let steady: Instance;

  beforeAll(async () => {
    database = await createDatabase();
    const env = { REDIS_URL: redisUrl() };
    [stepped, steady] = await Promise.all([startInstance(database.url, env), startInstance(database.url, env)]);
  });
  afterAll(async () => {
    for (const server of [stepped, steady]) server.kill();
    await Promise.all([stepped.ended, steady.ended]);
    await database.drop();
  });

  it.each([
    ['a day ahead', dayMs],
    ['back by a day', -dayMs],
  ])('%s makes no price wrong, neither where it happens nor elsewhere, and memory goes on answering', async (name, ms) => {
    const tag = name.replaceAll(' ', '-');
    const [product] = await stock(steady, tag, 1);
    if (!product) throw new Error('nothing was stocked');
    await Promise.all([untilHit(stepped, product.slug), untilHit(steady, product.slug)]);
    stepped.order({ order: 'step-clock', ms });
    try {
      for (const [writer, reader, amount] of [
        [steady, stepped, 5001],
        [stepped, steady, 5002],
        [steady, stepped, 5003],
      ] as const) {
        expect((await setPrice(writer, product.variantId, amount)).status).toBe(200);
        for (const server of [reader, writer]) {
          expect(amountOf(await read(server, product.slug))).toBe(amount);
          const page = await list(server, `q=${tag}`);
          expect(page.body.data?.map(({ price }) => price?.amount)).toEqual([amount]);
        }
      }
      await untilHit(stepped, product.slug);
      // The times that an instance itself gives are those of its clock; the proof that it was set.
      const told = (await send('GET', `${stepped.url}/v1/admin/price-writes`, undefined, asAdmin)).body.data?.[0] as unknown as {
        answeredAt: string;
      };
      expect(Math.abs(Date.parse(told.answeredAt) - Date.now() - ms)).toBeLessThan(dayMs / 2);
    } finally {
      stepped.order({ order: 'step-clock', ms: -ms });
    }
    expect((await setPrice(stepped, product.variantId, 5004)).status).toBe(200);
    expect(amountOf(await read(steady, product.slug))).toBe(5004);
    await untilHit(stepped, product.slug);
  });

  it.each([
    ['a day ahead', dayMs],
    ['back by a day', -dayMs],
  ])('%s ends no key before its time, nor lets one live on: the clock of Postgres decides', async (_, ms) => {
    const wanted: NewKey = { name: 'day', scopes: ['cache:read'], expiresInDays: 1 };
    // An hour before its end, and an hour behind it.
    const [running, ended] = [await keyIn(database.url, wanted, dayMs - hourMs), await keyIn(database.url, wanted, dayMs + hourMs)];
    const use = async (key: string) => (await send('GET', `${stepped.url}/v1/admin/cache`, undefined, { authorization: `Bearer ${key}` })).status;
    stepped.order({ order: 'step-clock', ms });
    try {
      expect([await use(running), await use(ended)]).toEqual([200, 401]);
      const made = await send('POST', `${stepped.url}/v1/admin/keys`, wanted, asAdmin);
      const { createdAt, expiresAt } = made.body as unknown as CreatedKey;
      expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(hourMs);
      expect(Date.parse(expiresAt ?? '') - Date.parse(createdAt)).toBe(dayMs);
    } finally {
      stepped.order({ order: 'step-clock', ms: -ms });
    }
  });
});
