import type { FaultLog } from './fault-log.js';
import type { Slot } from './fleet.js';
import { type Answer, NoAnswer } from './http-connection.js';

/** What a run counts beside the truth of what it reads. */
export interface Figures {
  answers: number;
  items: number;
  byEndpoint: Map<string, number>;
  byCacheStatus: Map<string, number>;
  byStatus: Map<string, number>;
  writes: { acked: number; refused: number; unknown: number; byKind: Map<string, number> };
  /** When the last acknowledged write of an instance began, by its name. */
  lastWrite: Map<string, number>;
  /** Of acknowledged writes, in ms. Calm: no fault in the 6 s before and during it. */
  latency: { calm: number[]; faulted: number[] };
  /** Answers of live instances that came too late, or not at all in time. */
  late: string[];
  /** What no contract allows: a 500, a 503 without Retry-After or without a fault, a connection that a live instance broke. */
  illegal: string[];
  /** Judges the connections that broke; once, when the run is over and it is known which instances had ended. */
  finish(): void;
  /** Takes down an answer or its absence; says whether there is one to be read. */
  answered(what: string, slot: Slot, begin: number, result: Answer | NoAnswer): result is Answer;
}

/** No live instance answers later than this. */
export const answerWithinMs = 3_000;
/** After the last fault everything is well again within this time. */
export const recoverWithinMs = 10_000;

const legal = new Set([200, 201, 301, 304, 404, 409, 412]);
const kept = 50;
/** The connections of a process break before its end is told. */
const endIsKnownMs = 1_000;

export function createFigures(faults: FaultLog, ownPauses: (begin: number, end: number) => number): Figures {
  const broken: { slot: Slot; begin: number; end: number; tell: () => void }[] = [];
  const figures: Figures = {
    answers: 0,
    items: 0,
    byEndpoint: new Map(),
    byCacheStatus: new Map(),
    byStatus: new Map(),
    writes: { acked: 0, refused: 0, unknown: 0, byKind: new Map() },
    lastWrite: new Map(),
    latency: { calm: [], faulted: [] },
    late: [],
    illegal: [],
    answered(what, slot, begin, result): result is Answer {
      const end = performance.now();
      const isAnswer = !(result instanceof NoAnswer);
      const outcome = isAnswer ? String(result.status) : result.reason;
      count(figures.byStatus, outcome);
      const isLive = slot.wasLive(begin, end);
      const took = end - begin - ownPauses(begin, end);
      const note = (list: string[], why: string) => {
        if (list.length < kept)
          list.push(
            `${what} on ${slot.name}: ${why} (${outcome} after ${Math.round(took)} ms, at ${seconds(begin)}, under ${faults.names(begin, end)})`,
          );
        else list.push(what);
      };
      if (isLive && took > answerWithinMs) note(figures.late, 'late');
      if (!isAnswer) {
        if (isLive && result.reason !== 'timeout')
          broken.push({ slot, begin, end, tell: () => note(figures.illegal, `the connection was ${result.reason}`) });
        return false;
      }
      if (result.status === 503) {
        if (result.header('retry-after') === undefined) note(figures.illegal, 'no Retry-After');
        else if (!faults.touches(begin, end, recoverWithinMs)) note(figures.illegal, `no fault is on: ${result.body.slice(0, 200)}`);
        return false;
      }
      if (!legal.has(result.status)) {
        note(figures.illegal, result.body.slice(0, 300));
        return false;
      }
      return true;
    },
    finish() {
      for (const { slot, begin, end, tell } of broken.splice(0)) if (slot.wasLive(begin, end + endIsKnownMs)) tell();
    },
  };
  return figures;
}

export function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** Of the run's clock. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}
