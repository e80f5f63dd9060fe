import { setTimeout as sleep } from 'node:timers/promises';
import type { DrawnFault, FaultContext, FaultKind } from './fault-context.js';
import type { FaultLog } from './fault-log.js';
import { linkFaults } from './link-faults.js';
import { processFaults } from './process-faults.js';
import { serverFaults } from './server-faults.js';

/** THE TABLE of faults. */
export const faultKinds: Record<string, FaultKind> = { ...linkFaults, ...processFaults, ...serverFaults };

export interface Timetable {
  /** Ms of the run's clock: no fault begins before, none after. */
  from: number;
  until: number;
  /** How many at once. */
  tracks: number;
  /** In every period of `everyMs` the last `calmMs` begin no fault: there it is seen what a write costs without. */
  everyMs: number;
  calmMs: number;
}

const gapMs = [100, 1_200] as const;

/**
 * Draws and runs faults until the timetable ends and the last one is over. Every kind comes up once before any comes up again.
 * @param kinds names from the table
 */
export async function runFaults(
  kinds: readonly string[],
  context: FaultContext,
  log: FaultLog,
  timetable: Timetable,
  isOver: () => boolean,
): Promise<void> {
  const { random } = context;
  const held = new Set<string>();
  let deck: string[] = [];

  function drawNext(): { kind: string; fault: DrawnFault } | null {
    if (deck.length === 0) deck = random.shuffle(kinds);
    for (let tries = deck.length; tries > 0; tries -= 1) {
      const kind = deck.shift() as string;
      const fault = faultKinds[kind]?.(context);
      if (fault && !held.has(fault.holds)) return { kind, fault };
      // Impossible here, or somebody holds it: a later draw may find it free.
      if (fault) deck.push(kind);
    }
    return null;
  }

  async function track(): Promise<void> {
    for (;;) {
      const startsAt = afterCalm(performance.now() + random.int(...gapMs), timetable);
      if (startsAt >= timetable.until || isOver()) return;
      while (performance.now() < startsAt && !isOver()) await sleep(Math.min(250, startsAt - performance.now()));
      const next = drawNext();
      if (!next) continue;
      const { kind, fault } = next;
      held.add(fault.holds);
      const entry = log.start(fault.point === undefined ? kind : `${kind} ${fault.point}`, fault.on);
      let hasActed = false;
      try {
        hasActed = await fault.run();
      } catch (error) {
        context.fleet.mishaps.push(`${kind} on ${fault.on}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        log.end(entry, hasActed);
        held.delete(fault.holds);
      }
    }
  }

  if (kinds.length > 0) await Promise.all(Array.from({ length: timetable.tracks }, track));
}

function afterCalm(at: number, { from, everyMs, calmMs }: Timetable): number {
  if (at < from) return from;
  const into = (at - from) % everyMs;
  return into > everyMs - calmMs ? at + everyMs - into : at;
}
