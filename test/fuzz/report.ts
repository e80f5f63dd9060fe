import type { Outcome } from './fuzz.js';

/** A line a call with how often it had which answer, and what was wrong. */
export function reportOf({ requests, answers, faults, unreached }: Outcome): string {
  const width = Math.max(...[...answers.keys()].map(({ length }) => length));
  const lines = [...answers]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([call, of]) => {
      const statuses = [...of].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status || 'none'}: ${count}`);
      return `${call.padEnd(width)}  ${[...of.values()].reduce((sum, count) => sum + count, 0)} (${statuses.join(', ')})`;
    });
  const wrong = faults.map(
    ({ call, what, draw, again }) => `FAULT ${call} (draw ${draw}): ${what}\n  ${again.length > 4_000 ? `${again.slice(0, 4_000)}…` : again}`,
  );
  return [...lines, `${requests} requests, ${faults.length} faults`, ...wrong, ...unreached.map((call) => `NOT REACHED ${call}`)].join('\n');
}
