import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { WriteTrace } from '../../src/cache/document-write.js';
import { createPriceWriteLog, PriceWrite, type Written } from '../../src/catalog/price-writes.js';

const begun = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const trace = (): WriteTrace => ({
  token: randomUUID(),
  startedAt: begun,
  armedAt: begun + 1,
  acks: [{ instance: 'one', at: begun + 2 }],
  passedAt: begun + 2,
  committedAt: begun + 3,
  ackWaitMs: 1,
});
const written = (version: number): Written => ({ productId: randomUUID(), variantId: randomUUID(), version, answeredAt: begun + 4 });

describe('the log of price writes', () => {
  it('tells the last ones, the newest first, and forgets those before', () => {
    const log = createPriceWriteLog(3);
    expect(log.list()).toEqual([]);
    const told = [];
    for (const version of [1, 2, 3, 4, 5, 6, 7]) {
      log.add(trace(), written(version));
      told.push(log.list().map((write) => write.version));
    }
    expect(told).toEqual([[1], [2, 1], [3, 2, 1], [4, 3, 2], [5, 4, 3], [6, 5, 4], [7, 6, 5]]);
  });

  it('tells them in the words of the API', () => {
    const log = createPriceWriteLog();
    log.add(trace(), written(9));
    const [write] = log.list();
    expect(PriceWrite.parse(write)).toEqual(write);
    expect(write).toMatchObject({
      version: 9,
      startedAt: '2026-01-02T03:04:05.006Z',
      armedAt: '2026-01-02T03:04:05.007Z',
      acks: [{ instance: 'one', at: '2026-01-02T03:04:05.008Z' }],
      passedAt: '2026-01-02T03:04:05.008Z',
      committedAt: '2026-01-02T03:04:05.009Z',
      answeredAt: '2026-01-02T03:04:05.010Z',
    });
  });
});
