import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createProductHits } from '../../src/routes/product-hits.js';

/** What the handler asks and tells of so many hits in turn, of which some name a trace. */
function play(hits: readonly (string | undefined)[], passes: readonly number[]) {
  const asked: number[] = [];
  const told: number[] = [];
  let turn = 0;
  let lots = 0;
  let clocked = 0;
  const handle = createProductHits({
    products: { hitBySlug: () => ({ etag: '"1"', latin1: '{}' }) as never },
    requestIdOf: () => 'id',
    hasSecondHost: () => false,
    isOpen: () => true,
    headers: {},
    maxHeaders: 100,
    variesByOrigin: false,
    watch: {
      passes: () => passes[lots++] ?? Number.POSITIVE_INFINITY,
      begin: () => asked.push(turn),
      answered: () => {},
      end: () => told.push(turn),
      took: () => {
        clocked += 1;
      },
    },
  });
  const response = { shouldKeepAlive: false, writeHead: () => response, end: () => response } as unknown as ServerResponse;
  for (const traceparent of hits) {
    const headers = { host: 'shop', ...(traceparent !== undefined && { traceparent }) };
    handle({ method: 'GET', url: '/v1/products/lamp', headers, rawHeaders: ['Host', 'shop'] } as unknown as IncomingMessage, response);
    turn += 1;
  }
  return { asked, told, lots, clocked };
}

const silent = (count: number) => Array.from({ length: count }, () => undefined);

describe('a product hit that is watched', () => {
  it('is asked about when as many were passed over as the lot has said, each time anew', () => {
    expect(play(silent(12), [2, 3, 0, 1])).toMatchObject({ asked: [2, 6, 7, 9], told: [2, 6, 7, 9], lots: 5 });
  });

  it('is never asked about where nobody is to be drawn', () => {
    expect(play(silent(1000), [])).toMatchObject({ asked: [], lots: 1 });
  });

  it('is always asked about where its caller names a trace, which uses up no lot', () => {
    expect(play([undefined, 'x', 'x', undefined, undefined], [2])).toMatchObject({ asked: [1, 2, 4] });
  });

  it('is timed once in 128', () => {
    expect([127, 128, 255, 256].map((count) => play(silent(count), []).clocked)).toEqual([0, 1, 1, 2]);
  });
});
