/** One look at everything that could grow: figures by name. */
export type Sample = Record<string, number>;

export interface Growth {
  figure: string;
  /** Medians of the first and of the last quarter of the samples after the warm-up. */
  first: number;
  last: number;
  most: number;
  /** How much the last may be above the first. */
  allowed: number;
  isOver: boolean;
}

const megabyte = 2 ** 20;

/** Samples before this part of a run show a process that is still warming up: code is compiled, the tiers fill. */
const warmUp = 0.3;
/** With fewer samples after the warm-up a quarter is a single one, and chance decides. */
export const samplesAtLeast = 6;

/**
 * THE TABLE of what may grow by how much, in the part of a run that is judged: at least so many, or such a part of what it was. A figure is
 * named `<figure>` or `<figure> <of what>`. What a row grows by with each write is stated per write.
 */
const allowances: Record<string, { least: number; part: number; perWrite?: number }> = {
  // Of the process, in bytes or pieces. Nothing of it may grow with the number of requests.
  heap: { least: 6 * megabyte, part: 0.15 },
  rss: { least: 48 * megabyte, part: 0.25 },
  // Room for a pool that a fault has emptied and that is full again.
  resources: { least: 24, part: 0.25 },
  files: { least: 24, part: 0.25 },
  listeners: { least: 2, part: 0 },
  warnings: { least: 0, part: 0 },
  // Of its metrics: a status or an outcome that comes late brings the buckets of its histogram.
  series: { least: 48, part: 0 },
  // Redis: keys that never end, beside the one hash of generations.
  endless: { least: 0, part: 0 },
  // Postgres: connections; rows that do not stay; bytes of tables, dead rows included until a vacuum comes by.
  connections: { least: 24, part: 0.25 },
  // What a fault keeps back for six seconds, until it is reaped.
  blocks: { least: 200, part: 0 },
  instances: { least: 2, part: 0 },
  'size block': { least: 4 * megabyte, part: 0.5 },
  'size instance': { least: megabyte, part: 0.5 },
  'size product': { least: 8 * megabyte, part: 0.5 },
  // Kept for a day by design.
  'size write_log': { least: megabyte, part: 0, perWrite: 1024 },
};

/**
 * How each figure has moved. Quarters are compared by their medians, since a single sample may meet a fault.
 * @param samples in the order of time
 * @param writes acknowledged in the time that is judged
 */
export function growthOf(samples: readonly Sample[], writes: number): Growth[] {
  const judged = samples.slice(Math.ceil(samples.length * warmUp));
  if (judged.length < samplesAtLeast) throw new Error(`${judged.length} samples after the warm-up are too few to judge by: run for longer`);
  const quarter = Math.max(1, Math.floor(judged.length / 4));
  const figures = [...new Set(judged.flatMap((sample) => Object.keys(sample)))].sort();
  return figures.map((figure) => {
    const values = judged.flatMap((sample) => sample[figure] ?? []);
    const first = median(values.slice(0, quarter));
    const last = median(values.slice(-quarter));
    const { least, part, perWrite = 0 } = allowanceOf(figure);
    const allowed = Math.max(least, part * first) + perWrite * writes;
    // A key without an end is one too many, whenever it came.
    const grown = figure === 'endless' ? Math.max(...values) : last - first;
    return { figure, first, last, most: Math.max(...values), allowed, isOver: grown > allowed };
  });
}

function allowanceOf(figure: string) {
  const allowance = allowances[figure] ?? allowances[figure.split(' ')[0] ?? ''];
  if (!allowance) throw new Error(`growth.ts does not say by how much ${figure} may grow`);
  return allowance;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** A table for people. */
export function tableOf(growth: readonly Growth[]): string {
  const rows = growth.map(({ figure, first, last, most, allowed, isOver }) => {
    const say = (value: number) => (/^(heap|rss|size)/.test(figure) ? `${(value / megabyte).toFixed(1)} MB` : String(Math.round(value)));
    return [figure, say(first), say(last), say(most), `+${say(allowed)}`, isOver ? 'GROWS' : 'ok'];
  });
  const all = [['figure', 'first quarter', 'last quarter', 'most', 'allowed', ''], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
