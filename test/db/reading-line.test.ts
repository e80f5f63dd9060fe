import { describe, expect, it } from 'vitest';
import { createReadingLine } from '../../src/db/reading-line.js';
import { AppError } from '../../src/errors.js';

const maxWaiting = 5;

function lineOf(most = maxWaiting, fault?: Error) {
  const pool = { waitingCount: 0 };
  const line = createReadingLine(pool, most);
  const reads = line.shedFirst({
    page: async (query: string) => {
      if (fault) throw fault;
      return `page of ${query}`;
    },
  });
  return { pool, line, read: () => reads.page('all') };
}

describe('the line before the connections for reading', () => {
  it('lets everybody in until it is told to turn away, however long it is', async () => {
    const { pool, line, read } = lineOf();
    pool.waitingCount = 500;
    expect(line.isTooLong()).toBe(true);
    expect(await read()).toBe('page of all');
  });

  it('turns away from then on, with a time to come back, while as many wait as may', async () => {
    const { pool, line, read } = lineOf();
    line.turnAway(true);
    pool.waitingCount = maxWaiting;
    await expect(read()).rejects.toMatchObject({ code: 'overloaded', retryAfterS: 2, shortOf: 'database' });
    pool.waitingCount = maxWaiting - 1;
    expect(await read()).toBe('page of all');
  });

  it('is too long for as long as anybody is turned away, and not longer', async () => {
    const { pool, line, read } = lineOf();
    line.turnAway(true);
    pool.waitingCount = maxWaiting;
    await expect(read()).rejects.toMatchObject({ code: 'overloaded' });
    expect([line.isTooLong(), line.isTooLong()]).toEqual([true, false]);
    line.turnAway(false);
    expect(await read()).toBe('page of all');
  });

  it('is too long where somebody has waited in vain, though nobody waits any more, and for no other failure', async () => {
    const unavailable = (said: string) => new AppError('database_unavailable', 'gone', { cause: new Error(said) });
    for (const [said, isIt] of [
      ['timeout exceeded when trying to connect', true],
      ['Query read timeout', false],
    ] as const) {
      const { line, read } = lineOf(maxWaiting, unavailable(said));
      await expect(read()).rejects.toThrow('gone');
      expect(line.isTooLong()).toBe(isIt);
    }
  });

  it('is never too long where nobody is to be turned away', () => {
    const { pool, line } = lineOf(0);
    pool.waitingCount = 10_000;
    expect(line.isTooLong()).toBe(false);
  });
});
