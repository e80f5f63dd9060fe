import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { againWhenMoved, Unchanged } from '../../src/catalog/write-attempt.js';
import { AppError } from '../../src/errors.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Attempts of which each takes `tookMs` and is refused, until `done` of them have been made. */
function attempts(tookMs: number, done: number, code: AppError['code'] = 'keys_moved') {
  const spent: number[] = [];
  const attempt = async (spentMs: number) => {
    spent.push(Math.round(spentMs));
    vi.advanceTimersByTime(tookMs);
    if (spent.length < done) throw new AppError(code, 'no');
    return 'done';
  };
  return { spent, attempt };
}

describe('a write whose keys have moved', () => {
  it('is begun anew and told what the attempts before have taken, also where each of them was slow', async () => {
    const { spent, attempt } = attempts(700, 3);
    expect(await againWhenMoved(attempt)).toBe('done');
    expect(spent).toEqual([0, 700, 1400]);
  });

  it('is given up after three attempts, and earlier where another would come too late', async () => {
    const often = attempts(1, 9);
    await expect(againWhenMoved(often.attempt)).rejects.toMatchObject({ code: 'keys_moved' });
    expect(often.spent).toHaveLength(3);
    const late = attempts(1501, 9);
    await expect(againWhenMoved(late.attempt)).rejects.toMatchObject({ code: 'keys_moved' });
    expect(late.spent).toHaveLength(1);
  });

  it('takes its time where nobody waits', async () => {
    const { spent, attempt } = attempts(10_000, 3);
    expect(await againWhenMoved(attempt, true)).toBe('done');
    expect(spent).toHaveLength(3);
  });

  it('is not begun anew for anything else, and a change that changes nothing is answered', async () => {
    const other = attempts(1, 9, 'busy');
    await expect(againWhenMoved(other.attempt)).rejects.toMatchObject({ code: 'busy' });
    expect(other.spent).toHaveLength(1);
    expect(await againWhenMoved(() => Promise.reject(new Unchanged('as it was')))).toBe('as it was');
  });
});
