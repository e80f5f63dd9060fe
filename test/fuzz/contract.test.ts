import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../harness/redis.js';
import { adminKey, type Service, startService } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { makeCallers } from './callers.js';
import { fuzz } from './fuzz.js';
import { reportOf } from './report.js';

const littleBut = { wrongKeysPerMinute: 3, adminPerMinute: 10, storefrontPerMinute: 20, maxUnderWayPerKey: 1 };
const portOf = ({ url }: Service) => Number(new URL(url).port);

describe('the published contract', () => {
  const shop = openShop({ demo: true, config: { wrongKeysPerMinute: 10_000 } });
  let counting: Service;
  beforeAll(async () => {
    counting = await startService(shop.databaseUrl, { ...littleBut, redisUrl: redisUrl() });
  });
  afterAll(() => counting.close());

  it('is kept by every answer, whatever is sent', async () => {
    const outcome = await fuzz({
      ...{ port: portOf(shop.service), countingPort: portOf(counting), adminKey, callers: await makeCallers(shop.databaseUrl) },
      ...{ requests: 3_000, seed: 20_260_101, connections: 4 },
    });
    expect(outcome.faults, reportOf(outcome)).toEqual([]);
    expect(outcome.unreached).toEqual([]);
    expect(outcome.requests).toBeGreaterThanOrEqual(3_000);
    const met = new Set([...outcome.answers.values()].flatMap((of) => [...of.keys()]));
    for (const status of [200, 201, 202, 301, 304, 400, 401, 403, 404, 405, 412, 413, 414, 415, 422, 429, 431])
      expect(met, `answers of ${status}`).toContain(status);
  }, 300_000);
});
