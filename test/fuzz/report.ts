import { type Outcome, serverErrorsIn } from './outcome.js';

/** A line a call with how often it had which answer, and what was wrong. */
export function reportOf({ requests, answers, faults, refusals, unreached }: Outcome): string {
  const { errors, fullLines } = serverErrorsIn({ answers });
  const width = Math.max(...[...answers.keys()].map(({ length }) => length));
  const lines = [...answers]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([call, of]) => {
      const statuses = [...of].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status || 'none'}: ${count}`);
      return `${call.padEnd(width)}  ${[...of.values()].reduce((sum, count) => sum + count, 0)} (${statuses.join(', ')})`;
    });
  const refused = [...refusals].map(([status, of]) => {
    const codes = [...of].map(([code, count]) => `${code} ${count}`);
    return `${status}: ${[...of.values()].reduce((sum, count) => sum + count, 0)} (${codes.join(', ') || 'none'})`;
  });
  const wrong = faults.map(
    ({ call, what, draw, again }) => `FAULT ${call} (draw ${draw}): ${what}\n  ${again.length > 4_000 ? `${again.slice(0, 4_000)}…` : again}`,
  );
  return [
    ...lines,
    `refused for who sent it: ${refused.join('; ')}`,
    `5xx: ${errors}${fullLines > 0 ? `, and ${fullLines} files that found the line of imports full` : ''}`,
    `${requests} requests, ${faults.length} faults`,
    ...wrong,
    ...unreached.map((call) => `NOT REACHED ${call}`),
  ].join('\n');
}
