import { z } from 'zod';
import { Uuid } from './text.js';

export const PriceWrite = z
  .strictObject({
    token: Uuid.describe('Of this write; the document it made carries it'),
    productId: Uuid,
    variantId: Uuid,
    version: z.int(),
    startedAt: z.iso.datetime(),
    committedAt: z.iso.datetime(),
    answeredAt: z.iso.datetime().describe('After the caches had been told'),
    armedAt: z.iso.datetime().describe('When readers were blocked'),
    acks: z.array(z.strictObject({ instance: z.string(), at: z.iso.datetime() })).describe('Which instance had applied the block when'),
  })
  .meta({ id: 'PriceWrite' });
export type PriceWrite = z.infer<typeof PriceWrite>;

/** The last price writes of this process, the newest first. */
export interface PriceWriteLog {
  add(write: PriceWrite): void;
  list(): PriceWrite[];
}

export function createPriceWriteLog(capacity = 200): PriceWriteLog {
  const ring: PriceWrite[] = [];
  return {
    add(write) {
      ring.unshift(write);
      if (ring.length > capacity) ring.pop();
    },
    list: () => [...ring],
  };
}
