import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadSheddingPlugin } from '../../src/plugins/load-shedding.js';

/** Shedding over a line whose length is said look by look: what the line was told, and what was said of it. */
async function look(isTooLong: readonly boolean[]): Promise<{ told: boolean[]; said: [string, boolean][] }> {
  const told: boolean[] = [];
  const said: [string, boolean][] = [];
  const left = [...isTooLong];
  const app = Fastify();
  await app.register(loadSheddingPlugin, {
    ...{ maxDelayMs: 0, memoryLimitBytes: 2 ** 40 },
    line: { isTooLong: () => left.shift() === true, turnAway: (isOn) => void told.push(isOn) },
    onChange: (what, isOn) => void said.push([what, isOn]),
  });
  await app.ready();
  vi.advanceTimersByTime(isTooLong.length * 1000);
  await app.close();
  return { told, said };
}

describe('a line that is too long', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  it('turns nobody away for two looks', async () => {
    expect(await look([true, true, false, true, true, false])).toEqual({ told: [], said: [] });
  });

  it('turns away from the third look on, and until three in a row at which it is not', async () => {
    expect(await look([true, true, true, true, false, false, true, false, false, false, true])).toEqual({
      told: [true, false],
      said: [
        ['database', true],
        ['database', false],
      ],
    });
  });
});
