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
    answeredAt: z.iso.datetime().describe('Redis is sent the document right after'),
    armedAt: z.iso.datetime().describe('When readers were blocked'),
    acks: z.array(z.strictObject({ instance: z.string(), at: z.iso.datetime() })).describe('Which instance had applied the block when'),
  })
  .meta({ id: 'PriceWrite' });
export type PriceWrite = z.infer<typeof PriceWrite>;

/** Its times in ms since 1970. */
export interface PriceWriteRecord extends Omit<PriceWrite, 'startedAt' | 'committedAt' | 'answeredAt' | 'armedAt' | 'acks'> {
  startedAt: number;
  committedAt: number;
  answeredAt: number;
  armedAt: number;
  acks: readonly { instance: string; at: number }[];
}

/** The last price writes of this process, the newest first. */
export interface PriceWriteLog {
  add(write: PriceWriteRecord): void;
  list(): PriceWrite[];
}

/** What every price write adds is put into words when somebody asks for it. */
export function createPriceWriteLog(capacity = 200): PriceWriteLog {
  const ring: PriceWriteRecord[] = [];
  let next = 0;
  return {
    add(write) {
      ring[next] = write;
      next = (next + 1) % capacity;
    },
    list: () => [...ring.slice(next), ...ring.slice(0, next)].reverse().map(inWords),
  };
}

function inWords({ startedAt, committedAt, answeredAt, armedAt, acks, ...write }: PriceWriteRecord): PriceWrite {
  return {
    ...write,
    startedAt: rfc3339(startedAt),
    committedAt: rfc3339(committedAt),
    answeredAt: rfc3339(answeredAt),
    armedAt: rfc3339(armedAt),
    acks: acks.map(({ instance, at }) => ({ instance, at: rfc3339(at) })),
  };
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
