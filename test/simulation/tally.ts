import type { Schedule } from './explore.js';

/** What many schedules have done, by name. */
export type Tally = Record<string, number>;

export function addTo(tally: Tally, { counts, virtualMs }: Schedule): void {
  const { outcomes, ...others } = counts;
  for (const [name, n] of Object.entries({ ...others, ...outcomes, virtualMs, schedules: 1 })) tally[name] = (tally[name] ?? 0) + n;
}

/** How a schedule failed: the seed, what was wrong, and what happened last. */
export function tellFailure(traced: Schedule, lines = 60): string {
  const wrong = traced.violations.slice(0, 3).map(({ kind, detail }) => `${kind}: ${detail}`);
  const again = `npm run test:simulation -- --from ${traced.seed} --seeds 1${traced.length === 'long' ? ' --long' : ''}`;
  return [`seed ${traced.seed} (${again})`, ...wrong, ...traced.trace.slice(-lines)].join('\n');
}
