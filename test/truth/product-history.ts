import { seconds } from './figures.js';
import type { Change, Read, Sight, VersionState, Violation, ViolationKind, Write } from './history.js';
import { createVersionTable, type Shown } from './version-table.js';

export interface ProductHistory {
  readonly name: string;
  /** Before the request is sent. */
  begin(change: Change, now: number, by: string): Write;
  /** Once, when its outcome is known or given up. */
  settle(write: Write, end: number, outcome: 'acked' | 'refused' | 'unknown', version?: number, shown?: Shown): void;
  read(sight: Sight, begin: number, end: number, by: string): void;
  /**
   * Judges what began before `before`, in O(n log n). Exact only if nothing that began earlier, or overlaps with it, is still under way. What
   * has been judged is forgotten but for what later judgements need.
   * @param settledBefore of versions seen before then, the outcome of the write is known, or given up
   */
  judge(before: number, settledBefore: number): void;
  /** What was last recorded, judged or not, by begin. */
  recent(): (Read | Write)[];
}

/** Of what was judged, for evidence. */
const kept = 1_500;
const keptWrites = 20;

/**
 * The history of one product, judged as an atomic register. Versions rise by one with every write, so that for a read r of version v:
 * v is at least the highest version acknowledged before r began (F1) and the highest that a read which ended before r began has shown (F2),
 * and the write of v began before r ended. An answer without a version (404, 301) fits a set of versions: it is taken for the lowest that the
 * bounds allow, which asks least of what follows. (Gibbons and Korach, Testing shared memories, 1997: with unique, ordered writes linear
 * passes suffice.)
 * @param first its version when the run begins, 0 where it does not exist yet
 */
export function createProductHistory(
  name: string,
  first: number,
  initial: VersionState,
  onViolation: (violation: Violation) => void,
): ProductHistory {
  const table = createVersionTable(first, initial);
  /** In the order of their ends. `chosen` is the version that a read was taken for. */
  let ended: { op: Read | Write; chosen: number }[] = [];
  let waiting: { op: Read | Write; chosen: number }[] = [];
  const lastWrites: Write[] = [];
  let folded = 0;
  let acked = first;
  let shown = first;

  const complain = (op: Read | Write) => (kind: ViolationKind, detail: string) => onViolation({ kind, product: name, detail, op });

  function push(op: Read | Write): void {
    const entry = { op, chosen: first };
    ended.push(entry);
    waiting.push(entry);
  }

  /** Takes into the bounds what had ended before `begin`. */
  function fold(begin: number): void {
    for (let next = ended[folded]; next && next.op.end < begin; next = ended[++folded]) {
      if (next.op.op === 'read') shown = Math.max(shown, next.chosen);
      else if (next.op.version !== null) acked = Math.max(acked, next.op.version);
    }
  }

  function judgeWrite(write: Write): void {
    if (write.version === null) return;
    if (write.version <= acked) complain(write)('order', `acknowledged as version ${write.version} though ${acked} was acknowledged before it began`);
    else if (write.version <= shown) complain(write)('order', `acknowledged as version ${write.version} though ${shown} was shown before it began`);
  }

  function judgeRead(entry: { op: Read; chosen: number }): void {
    const { op } = entry;
    const { sight } = op;
    if (sight.kind === 'version') {
      entry.chosen = sight.version;
      judgeVersion(op, sight.version);
      if (sight.lowest !== undefined) judgeLowest(op, sight.version, sight.lowest);
      return;
    }
    const floor = Math.max(acked, shown);
    const found = lowestFit(sight, floor, op);
    if (found !== undefined) {
      entry.chosen = found;
      if (sight.kind === 'moved') table.hadSlug(sight.from, found);
      return;
    }
    entry.chosen = floor;
    if (sight.kind === 'moved' && table.slugOutcome(sight.from) === 'refused') {
      complain(op)('refused', `${say(sight)} shows that the refused rename took effect`);
      return;
    }
    const isOld = lowestFit(sight, acked, op) !== undefined;
    complain(op)(
      isOld ? 'F2' : 'F1',
      `${say(sight)} fits no version from ${isOld ? `${shown}, which was shown` : `${acked}, which was acknowledged`} before`,
    );
  }

  function judgeVersion(op: Read, version: number): void {
    if (version < acked) complain(op)('F1', `shows version ${version} though ${acked} was acknowledged before it began`);
    else if (version < shown) complain(op)('F2', `shows version ${version} though ${shown} was shown before it began`);
    if (!hasBegun(version, op.end)) {
      const write = table.rowOf(version)?.write;
      const known = write ? `: it was ${write.by}, begun at ${seconds(write.begin)}` : '';
      complain(op)('future', `shows version ${version}, whose write had not begun${known}`);
    }
    const state = table.stateOf(version);
    if (state.exists === false || state.isActive === false) complain(op)('mixed', `shows version ${version}, at which there is no product on sale`);
  }

  function judgeLowest(op: Read, version: number, lowest: number): void {
    const { amounts } = table.stateOf(version);
    if (amounts.includes(undefined)) return;
    const known = Math.min(...(amounts as number[]));
    if (known !== lowest) complain(op)('mixed', `the lowest price at version ${version} is ${known}, not ${lowest}`);
  }

  function hasBegun(version: number, end: number): boolean {
    const write = table.rowOf(version)?.write;
    return version <= first || (write ? write.begin < end : table.open(end) > 0);
  }

  /** Up to the last version whose write had begun at the end; beyond, one that nobody was told of. */
  function lowestFit(sight: Exclude<Sight, { kind: 'version' }>, from: number, { begin, end }: Read): number | undefined {
    let version = from;
    for (; version <= table.highest() && hasBegun(version, end); version += 1) if (fits(sight, version)) return version;
    return table.mayStand((change) => leadsTo(change, sight), begin, end) ? version : undefined;
  }

  function fits(sight: Exclude<Sight, { kind: 'version' }>, version: number): boolean {
    const { exists, slug, isActive } = table.stateOf(version);
    if (sight.kind === 'absent') return exists === false || isActive !== true || table.slugSince(sight.slug) > version;
    return exists !== false && isActive !== false && (slug === undefined || slug === sight.to) && mayHaveHad(sight.from, version);
  }

  /** Also by a rename of unknown outcome that nobody has seen before the next. */
  function mayHaveHad(slug: string, version: number): boolean {
    const since = table.slugSince(slug);
    return since <= version || (since === Number.POSITIVE_INFINITY && table.slugOutcome(slug) === 'unknown');
  }

  return {
    name,
    begin(change, now, by) {
      const write: Write = { op: 'write', change, begin: now, end: Number.POSITIVE_INFINITY, outcome: 'pending', version: null, by };
      table.wrote(write);
      lastWrites.push(write);
      if (lastWrites.length > keptWrites) lastWrites.shift();
      return write;
    },
    settle(write, end, outcome, version, shown = {}) {
      Object.assign(write, { end, outcome, version: outcome === 'acked' ? version : null });
      table.settled(write, shown, complain(write));
      push(write);
    },
    read(sight, begin, end, by) {
      const op: Read = { op: 'read', sight, begin, end, by };
      if (sight.kind === 'version') table.saw(sight.version, { slug: sight.slug, amounts: sight.amounts }, end, complain(op));
      push(op);
    },
    judge(before, settledBefore) {
      const due = waiting.filter(({ op }) => op.begin < before).sort((a, b) => a.op.begin - b.op.begin);
      const [earliest] = due;
      if (!earliest) return;
      table.resolve(settledBefore, complain(earliest.op));
      for (const entry of due) {
        fold(entry.op.begin);
        if (entry.op.op === 'write') judgeWrite(entry.op);
        else judgeRead(entry as { op: Read; chosen: number });
      }
      waiting = waiting.filter(({ op }) => op.begin >= before);
      const surplus = folded - kept;
      if (surplus > 0) {
        ended = ended.slice(surplus);
        folded -= surplus;
      }
    },
    recent: () => [...new Set([...lastWrites, ...ended.map(({ op }) => op)])].sort((a, b) => a.begin - b.begin),
  };
}

/** Whether a write may have made a product look like this, that it did not look like before. */
function leadsTo(change: Change, sight: Exclude<Sight, { kind: 'version' }>): boolean {
  if (sight.kind === 'absent') return change.kind === 'status' && !change.isActive;
  return (change.kind === 'slug' && change.slug === sight.to) || (change.kind === 'status' && change.isActive);
}

function say(sight: Exclude<Sight, { kind: 'version' }>): string {
  return sight.kind === 'absent' ? `the absence of ${sight.slug}` : `the move from ${sight.from} to ${sight.to}`;
}
