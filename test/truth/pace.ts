import { setTimeout as sleep } from 'node:timers/promises';

/** Lets through `perSecond` turns a second, and after a pause at most a quarter of a second's worth at once. */
export function createPace(perSecond: number): { turn(): Promise<void> } {
  const burst = Math.max(1, perSecond / 4);
  let spare = burst;
  let filledAt = performance.now();
  return {
    async turn() {
      for (;;) {
        const now = performance.now();
        spare = Math.min(burst, spare + ((now - filledAt) * perSecond) / 1000);
        filledAt = now;
        if (spare >= 1) break;
        await sleep(1 + ((1 - spare) * 1000) / perSecond);
      }
      spare -= 1;
    },
  };
}

/** How long this very process was held up between two moments, in ms: what an answer seems late by because we were. */
export function watchOwnPauses(everyMs = 20): { within(begin: number, end: number): number; longest(): number; stop(): void } {
  const pauses: { from: number; to: number }[] = [];
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const over = now - last - everyMs;
    longest = Math.max(longest, over);
    if (over > 50) {
      pauses.push({ from: last, to: now });
      if (pauses.length > 500) pauses.shift();
    }
    last = now;
  }, everyMs);
  return {
    within: (begin, end) => pauses.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0),
    longest: () => longest,
    stop: () => clearInterval(timer),
  };
}
