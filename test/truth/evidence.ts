import type { Fault } from './fault-log.js';
import type { Read, Sight, Violation, Write } from './history.js';

const beforeMs = 2_500;
const afterMs = 500;
const writesAtMost = 15;
const firstSightsAtMost = 15;
const neighbours = 5;

interface Event {
  begin: number;
  end: number;
  text: string;
  isAccused: boolean;
}

/**
 * What happened around a violation, in order of the beginnings: the last writes, however long ago, the faults, and of the reads those that first showed something and
 * those next to the accused one.
 */
export function evidence(violation: Violation, recent: readonly (Read | Write)[], faults: readonly Fault[]): string[] {
  const { op, kind, product, detail } = violation;
  const from = op.begin - beforeMs;
  const to = (Number.isFinite(op.end) ? op.end : op.begin) + afterMs;
  const near = recent.filter((other) => other.end > from && other.begin < to);
  const events = [...near.filter((other) => other.op === 'write').slice(-writesAtMost), ...firstSights(near), ...nextTo(near, op), op].map((other) =>
    toEvent(other, other === op),
  );
  const lines = [
    ...new Map(events.map((event) => [`${event.begin} ${event.end} ${event.text}`, event])).values(),
    ...faults.flatMap(toFault(from, to)),
  ];
  lines.sort((a, b) => a.begin - b.begin);
  return [
    `${kind} on ${product} by ${op.by}: ${detail}`,
    ...lines.map(({ begin, end, text, isAccused }) => {
      const until = Number.isFinite(end) ? (end / 1000).toFixed(4) : '...';
      return `  ${isAccused ? '>>' : '  '} ${(begin / 1000).toFixed(4)} to ${until} s  ${text}`;
    }),
  ];
}

/** By the order of their ends: who was first to show each thing. */
function firstSights(near: readonly (Read | Write)[]): Read[] {
  const first = new Map<string, Read>();
  for (const op of near.filter((other) => other.op === 'read').sort((a, b) => a.end - b.end)) {
    const what = op.sight.kind === 'version' ? `version ${op.sight.version}` : say(op.sight);
    if (!first.has(what)) first.set(what, op);
  }
  return [...first.values()].slice(-firstSightsAtMost);
}

function nextTo(near: readonly (Read | Write)[], op: Read | Write): Read[] {
  const reads = near.filter((other) => other.op === 'read');
  const at = reads.findIndex((other) => other.begin >= op.begin);
  return reads.slice(Math.max(0, at - neighbours), at + neighbours);
}

function toFault(from: number, to: number) {
  return (fault: Fault): Event[] =>
    fault.from < to && fault.to > from - 5_000
      ? [{ begin: fault.from, end: fault.to, text: `FAULT ${fault.kind}: ${fault.on}`, isAccused: false }]
      : [];
}

function toEvent(op: Read | Write, isAccused: boolean): Event {
  const text =
    op.op === 'write'
      ? `WRITE ${op.by} ${JSON.stringify(op.change)}: ${op.outcome}${op.version === null ? '' : ` as version ${op.version}`}`
      : `read ${op.by}: ${say(op.sight)}`;
  return { begin: op.begin, end: op.end, text, isAccused };
}

function say(sight: Sight): string {
  if (sight.kind === 'absent') return `${sight.slug} absent`;
  if (sight.kind === 'moved') return `${sight.from} moved to ${sight.to}`;
  const prices = sight.amounts
    ? ` prices ${sight.amounts.map((amount) => amount ?? '-').join(', ')}`
    : sight.lowest === undefined
      ? ''
      : ` from ${sight.lowest}`;
  return `version ${sight.version}${prices}`;
}
