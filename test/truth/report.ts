import type { Fault } from './fault-log.js';
import type { Figures } from './figures.js';
import type { ViolationKind } from './history.js';
import type { Options } from './options.js';
import { hasRecovered, type Recovery } from './recovery.js';

export interface Outcome {
  options: Options;
  figures: Figures;
  faults: readonly Fault[];
  violations: Map<ViolationKind, number>;
  /** Answers that contradict themselves or show what nobody wrote. */
  contradictions: string[];
  /** Of the first violations. */
  evidence: string[][];
  recovery: Recovery[];
  mishaps: string[];
  /** Of the first instance, which has its metrics on. */
  scrapes: number;
  ranMs: number;
  ownPauseMs: number;
  ownCpuMs: number;
}

/** Why a run has failed, one line each; empty where it has not. */
export function failuresOf({ options, figures, violations, contradictions, recovery, mishaps, faults }: Outcome): string[] {
  const sum = [...violations.values()].reduce((a, b) => a + b, 0);
  const slow = recovery.filter((one) => !hasRecovered(one));
  return [
    ...(sum > 0 ? [`${sum} violations`] : []),
    ...(contradictions.length > 0 ? [`${contradictions.length} answers that contradict themselves`] : []),
    ...(figures.late.length > 0 ? [`${figures.late.length} answers of live instances later than 3 s`] : []),
    ...(figures.illegal.length > 0 ? [`${figures.illegal.length} answers that no contract allows`] : []),
    ...(slow.length > 0 ? [`not well again within 10 s of the last fault: ${slow.map(({ slot }) => slot).join(', ')}`] : []),
    ...mishaps,
    ...(figures.answers < options.minReads ? [`only ${figures.answers} answers`] : []),
    ...(figures.writes.acked < options.minWrites ? [`only ${figures.writes.acked} acknowledged writes`] : []),
    ...(options.faults.length > 0 && !faults.some(({ hasActed }) => hasActed) ? ['no fault has acted on anything'] : []),
  ];
}

export function reportOf(outcome: Outcome): string {
  const { options, figures, faults, violations, evidence, recovery, ranMs } = outcome;
  const { writes, latency } = figures;
  const perSecond = (n: number) => `${n} (${Math.round((n * 1000) / ranMs)}/s)`;
  const kinds = [...groupFaults(faults)];
  return [
    `Truth of ${options.instances} instances and a guest, ${options.mode} mode, seed ${options.seed}, ${(ranMs / 1000).toFixed(1)} s${options.sabotage ? `, SABOTAGE ${options.sabotage}` : ''}`,
    `reads      ${perSecond(figures.answers)} answers, ${figures.items} products in them: ${list(figures.byEndpoint)}`,
    `           ${list(figures.byCacheStatus)}`,
    `writes     ${perSecond(writes.acked)} acknowledged, ${writes.refused} refused, ${writes.unknown} of unknown outcome: ${list(writes.byKind)}`,
    `latency    without faults ${quantiles(latency.calm)}; with ${quantiles(latency.faulted)}`,
    `statuses   ${list(figures.byStatus)}`,
    `faults     ${faults.length}: ${kinds.map(([kind, { acted, all }]) => `${kind} ${acted === all ? all : `${acted} of ${all}`}`).join(', ') || 'none'}`,
    `recovery   ${recovery.map(({ slot, ready, memory, write }) => `${slot} ready ${ms(ready)}, memory ${ms(memory)}, write ${ms(write)}`).join('; ') || 'not measured'}`,
    `metrics    of i1, ${outcome.scrapes} times`,
    `harness    own pauses ${Math.round(outcome.ownPauseMs)} ms at most, ${Math.round((100 * outcome.ownCpuMs) / ranMs)} % of a processor`,
    `violations ${[...violations.values()].reduce((a, b) => a + b, 0)}${violations.size > 0 ? `: ${list(violations)}` : ''}`,
    ...evidence.flatMap((lines) => ['', ...lines]),
    ...section('contradictions', outcome.contradictions),
    ...section('late', figures.late),
    ...section('not allowed', figures.illegal),
  ].join('\n');
}

/** What `--json` writes. */
export function figuresOf(outcome: Outcome): object {
  const { options, figures, faults, violations, recovery, ranMs, ownPauseMs, ownCpuMs } = outcome;
  return {
    options,
    ranMs,
    ownPauseMs,
    ownCpuMs,
    answers: figures.answers,
    items: figures.items,
    byEndpoint: Object.fromEntries(figures.byEndpoint),
    byCacheStatus: Object.fromEntries(figures.byCacheStatus),
    byStatus: Object.fromEntries(figures.byStatus),
    writes: { ...figures.writes, byKind: Object.fromEntries(figures.writes.byKind) },
    latencyMs: { calm: summary(figures.latency.calm), faulted: summary(figures.latency.faulted) },
    faults: Object.fromEntries(groupFaults(faults)),
    violations: Object.fromEntries(violations),
    contradictions: outcome.contradictions,
    late: figures.late,
    illegal: figures.illegal,
    recovery,
    failures: failuresOf(outcome),
  };
}

function groupFaults(faults: readonly Fault[]): Map<string, { all: number; acted: number }> {
  const groups = new Map<string, { all: number; acted: number }>();
  for (const { kind, hasActed } of faults) {
    const group = groups.get(kind) ?? { all: 0, acted: 0 };
    group.all += 1;
    if (hasActed) group.acted += 1;
    groups.set(kind, group);
  }
  return groups;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}: ${lines.length}`, ...lines.slice(0, 12).map((line) => `  ${line}`)];
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([key, n]) => `${key.replace('truetag; ', '')} ${n}`)
    .join(', ');
}

function summary(values: readonly number[]): { n: number; p50: number | null; p99: number | null; max: number | null } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? null };
}

function quantiles(values: readonly number[]): string {
  const { n, p50, p99, max } = summary(values);
  return `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} (${n})`;
}

function ms(value: number | null): string {
  return value === null ? 'never' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
