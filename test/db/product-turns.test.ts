import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProductTurns } from '../../src/db/product-turns.js';

/** Work that is under way until it is told to end. */
function held(log: string[], name: string) {
  let end: (error?: Error) => void = () => {};
  const ended = new Promise<string>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve(name));
  });
  const work = () => {
    log.push(name);
    return ended;
  };
  return { end, work };
}

describe('the turns of a product', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('come one after the other, in the order of asking, also behind one that failed, and the turns of another product at once', async () => {
    const [log, turnOf] = [[] as string[], createProductTurns()];
    const [first, second, third, other] = ['first', 'second', 'third', 'other'].map((name) => held(log, name)) as [Held, Held, Held, Held];
    const asked = [turnOf('lamp')(first.work), turnOf('lamp')(second.work), turnOf('lamp')(third.work), turnOf('desk')(other.work)];
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['first', 'other']);
    first.end(new Error('no'));
    await expect(asked[0]).rejects.toThrow('no');
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['first', 'other', 'second']);
    second.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['first', 'other', 'second', 'third']);
    third.end();
    other.end();
    expect(await Promise.all(asked.slice(1))).toEqual(['second', 'third', 'other']);
    const late = held(log, 'late');
    const again = turnOf('lamp')(late.work);
    late.end();
    expect(await again).toBe('late');
  });

  it('are refused as busy after a second, and the one behind is not held up by it', async () => {
    const [log, turnOf] = [[] as string[], createProductTurns()];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => held(log, name)) as [Held, Held, Held];
    const begun = turnOf('lamp')(first.work);
    const tooLate = expect(turnOf('lamp')(second.work)).rejects.toMatchObject({ code: 'busy', retryAfterS: 1 });
    await vi.advanceTimersByTimeAsync(600);
    const behind = turnOf('lamp')(third.work);
    await vi.advanceTimersByTimeAsync(400);
    await tooLate;
    first.end();
    await begun;
    third.end();
    expect(await behind).toBe('third');
    expect(log).toEqual(['first', 'third']);
  });

  it('are refused as busy at once where a hundred wait', async () => {
    const [log, turnOf] = [[] as string[], createProductTurns()];
    const first = held(log, 'first');
    const begun = turnOf('lamp')(first.work);
    const waiting = Array.from({ length: 100 }, (_, i) => turnOf('lamp')(async () => i));
    await expect(turnOf('lamp')(async () => 'one more')).rejects.toMatchObject({ code: 'busy' });
    first.end();
    expect([await begun, (await Promise.all(waiting)).length]).toEqual(['first', 100]);
  });
});

type Held = ReturnType<typeof held>;
