import { z } from 'zod';
import type { WriteTrace } from '../cache/document-write.js';
import { Uuid } from './text.js';

export const PriceWrite = z
  .strictObject({
    token: Uuid.describe('Of this write; the document it made carries it'),
    productId: Uuid,
    variantId: Uuid.nullable().describe('Null where the product was written as a whole'),
    version: z.int(),
    startedAt: z.iso.datetime(),
    armedAt: z.iso.datetime().describe('When readers were blocked'),
    acks: z.array(z.strictObject({ instance: z.string(), at: z.iso.datetime() })).describe('Which instance had applied the block when'),
    passedAt: z.iso.datetime().describe('When the wait for the readers was over; later than the last ack where one did not answer'),
    committedAt: z.iso.datetime(),
    answeredAt: z.iso.datetime().describe('Redis is sent the document right after'),
  })
  .meta({ id: 'PriceWrite' });
export type PriceWrite = z.infer<typeof PriceWrite>;

/** What was written; `answeredAt` in ms since 1970, as the times of the trace are. */
export type Written = Pick<PriceWrite, 'productId' | 'variantId' | 'version'> & { answeredAt: number };

/** The last writes of this process that may have changed a price, but for those of imports; the newest first. */
export interface PriceWriteLog {
  add(trace: WriteTrace, written: Written): void;
  list(): PriceWrite[];
}

/** What every write adds is put into words when somebody asks for it. */
export function createPriceWriteLog(capacity = 200): PriceWriteLog {
  const ring: { trace: WriteTrace; written: Written }[] = [];
  let next = 0;
  return {
    add(trace, written) {
      ring[next] = { trace, written };
      next = (next + 1) % capacity;
    },
    list: () => [...ring.slice(next), ...ring.slice(0, next)].reverse().map(inWords),
  };
}

function inWords({ trace, written: { answeredAt, ...written } }: { trace: WriteTrace; written: Written }): PriceWrite {
  return {
    token: trace.token,
    ...written,
    startedAt: rfc3339(trace.startedAt),
    armedAt: rfc3339(trace.armedAt),
    acks: trace.acks.map(({ instance, at }) => ({ instance, at: rfc3339(at) })),
    passedAt: rfc3339(trace.passedAt),
    committedAt: rfc3339(trace.committedAt),
    answeredAt: rfc3339(answeredAt),
  };
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
