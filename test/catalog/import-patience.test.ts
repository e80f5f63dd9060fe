import { describe, expect, it } from 'vitest';
import { patiently } from '../../src/catalog/import-patience.js';
import { AppError, type ErrorCode } from '../../src/errors.js';

/** A clock that only pauses move on, and an attempt that fails so often. */
function failing(code: ErrorCode, times: number) {
  let time = 0;
  let attempts = 0;
  const pauses: number[] = [];
  const clock = {
    now: () => time,
    pause: async (ms: number) => {
      pauses.push(ms);
      time += ms;
    },
  };
  const attempt = async () => {
    attempts += 1;
    if (attempts <= times) throw new AppError(code, 'not now');
    return 'done';
  };
  return { run: () => patiently(attempt, undefined, clock), attempts: () => attempts, pauses };
}

describe('patience with a chunk of an import', () => {
  it.each(['busy', 'database_unavailable', 'write_outcome_unknown'] as const)('does it again after %s, with growing pauses', async (code) => {
    const chunk = failing(code, 6);
    expect(await chunk.run()).toBe('done');
    expect(chunk.pauses).toEqual([250, 500, 1000, 2000, 4000, 4000]);
  });

  it('ends after half a minute with the fault itself', async () => {
    const chunk = failing('busy', Number.POSITIVE_INFINITY);
    await expect(chunk.run()).rejects.toMatchObject({ code: 'busy' });
    const waited = chunk.pauses.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThan(25_000);
    expect(waited).toBeLessThanOrEqual(30_000);
  });

  it('does nothing again that would fail again', async () => {
    const chunk = failing('unusable', 1);
    await expect(chunk.run()).rejects.toMatchObject({ code: 'unusable' });
    expect(chunk.attempts()).toBe(1);
  });

  it('ends in a pause where it is told to stop', async () => {
    const stop = new AbortController();
    const attempt = async () => {
      stop.abort(new Error('stopping'));
      throw new AppError('busy', 'not now');
    };
    await expect(patiently(attempt, stop.signal)).rejects.toThrow('stopping');
  });
});
