import type { Fault } from './fault-log.js';
import type { Read, Sight, Violation, Write } from './history.js';

const beforeMs = 2_500;
const afterMs = 500;
const linesAtMost = 45;

interface Event {
  begin: number;
  end: number;
  text: string;
  isAccused: boolean;
}

/** What happened around a violation, in order of the beginnings; reads of the same that follow each other are one line. */
export function evidence(violation: Violation, recent: readonly (Read | Write)[], faults: readonly Fault[]): string[] {
  const { op, kind, product, detail } = violation;
  const from = op.begin - beforeMs;
  const to = (op.end === Number.POSITIVE_INFINITY ? op.begin : op.end) + afterMs;
  const events = [...recent.filter((near) => near.end > from && near.begin < to).map((near) => toEvent(near, near === op)), ...faults.flatMap(toFault(from, to))];
  events.sort((a, b) => a.begin - b.begin);
  const merged = events.reduce<(Event & { times: number })[]>((lines, event) => {
    const last = lines.at(-1);
    if (last && !event.isAccused && !last.isAccused && last.text === event.text) {
      last.times += 1;
      last.end = Math.max(last.end, event.end);
    } else lines.push({ ...event, times: 1 });
    return lines;
  }, []);
  const at = merged.findIndex(({ isAccused }) => isAccused);
  const start = Math.max(0, at - linesAtMost + 10);
  return [
    `${kind} on ${product} by ${op.by}: ${detail}`,
    ...merged.slice(start, start + linesAtMost).map(({ begin, end, text, times, isAccused }) => {
      const until = Number.isFinite(end) ? (end / 1000).toFixed(4) : '...';
      return `  ${isAccused ? '>>' : '  '} ${(begin / 1000).toFixed(4)} to ${until} s  ${text}${times > 1 ? ` (${times} times)` : ''}`;
    }),
  ];
}

function toFault(from: number, to: number) {
  return (fault: Fault): Event[] =>
    fault.from < to && fault.to > from - 5_000 ? [{ begin: fault.from, end: fault.to, text: `FAULT ${fault.kind}: ${fault.on}`, isAccused: false }] : [];
}

function toEvent(op: Read | Write, isAccused: boolean): Event {
  const text = op.op === 'write' ? `WRITE ${op.by} ${JSON.stringify(op.change)}: ${op.outcome}${op.version === null ? '' : ` as version ${op.version}`}` : `read ${op.by}: ${say(op.sight)}`;
  return { begin: op.begin, end: op.end, text, isAccused };
}

function say(sight: Sight): string {
  if (sight.kind === 'absent') return `${sight.slug} absent`;
  if (sight.kind === 'moved') return `${sight.from} moved to ${sight.to}`;
  const prices = sight.amounts ? ` prices ${sight.amounts.map((amount) => amount ?? '-').join(', ')}` : sight.lowest === undefined ? '' : ` from ${sight.lowest}`;
  return `version ${sight.version}${prices}`;
}
