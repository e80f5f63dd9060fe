export interface Fault {
  /** From the table of faults, with the name of the fail-point where it is one. */
  kind: string;
  /** Which instance or server, and how. */
  on: string;
  from: number;
  /** Infinite while it lasts. */
  to: number;
  /** False where it found nothing to act on: a fail-point that was not reached, a listener that was not there. */
  hasActed: boolean;
}

export interface FaultLog {
  start(kind: string, on: string): Fault;
  end(fault: Fault, hasActed: boolean): void;
  all(): readonly Fault[];
  active(): number;
  /** Whether a fault lasted at some moment from `begin - afterMs` to `end`. */
  touches(begin: number, end: number, afterMs: number): boolean;
  /** Names of the faults that lasted at some moment of that time. */
  names(begin: number, end: number): string;
  lastEnd(): number;
}

export function createFaultLog(): FaultLog {
  const faults: Fault[] = [];
  /** The tail of the log that may still matter to somebody who asks about the last moments. */
  const tail = 40;
  return {
    start(kind, on) {
      const fault = { kind, on, from: performance.now(), to: Number.POSITIVE_INFINITY, hasActed: true };
      faults.push(fault);
      return fault;
    },
    end(fault, hasActed) {
      fault.to = performance.now();
      fault.hasActed = hasActed;
    },
    all: () => faults,
    active: () => faults.filter(({ to }) => to === Number.POSITIVE_INFINITY).length,
    touches: (begin, end, afterMs) => faults.slice(-tail).some(({ from, to }) => from < end && to + afterMs > begin),
    names: (begin, end) =>
      faults
        .slice(-tail)
        .filter(({ from, to }) => from < end && to > begin)
        .map(({ kind, on }) => `${kind} ${on}`)
        .join(' and ') || 'no fault',
    lastEnd: () => Math.max(0, ...faults.map(({ to }) => to)),
  };
}
