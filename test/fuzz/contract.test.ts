import { describe, expect, it } from 'vitest';
import { adminKey } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { fuzz } from './fuzz.js';
import { reportOf } from './report.js';

describe('the published contract', () => {
  const shop = openShop({ demo: true });

  it('is kept by every answer, whatever is sent', async () => {
    const outcome = await fuzz({ port: Number(new URL(shop.service.url).port), adminKey, requests: 3_000, seed: 20_260_101, connections: 4 });
    expect(outcome.faults, reportOf(outcome)).toEqual([]);
    expect(outcome.unreached).toEqual([]);
    expect(outcome.requests).toBeGreaterThanOrEqual(3_000);
    const met = new Set([...outcome.answers.values()].flatMap((of) => [...of.keys()]));
    for (const status of [200, 201, 202, 301, 304, 400, 401, 404, 405, 412, 413, 414, 415, 422, 431])
      expect(met, `answers of ${status}`).toContain(status);
  }, 300_000);
});
