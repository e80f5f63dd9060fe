import type { DocumentBody } from './document-bodies.js';
import type { Armed, ArmedLook } from './truth-ports.js';

/** What a committing transaction gives back. `isKnown` false: COMMIT was sent and its answer is lost. */
export interface Commit<T> {
  value: T;
  documents: readonly DocumentBody[];
  isKnown: boolean;
}

/** The round of one write, in ms since 1970 by this process's wall clock. */
export interface WriteTrace {
  token: string;
  startedAt: number;
  armedAt: number;
  acks: { instance: string; at: number }[];
  /** When the wait for the readers was over. */
  passedAt: number;
  committedAt: number;
  ackWaitMs: number;
}

export interface WriteOptions {
  /** Many products at once, with nobody waiting at the other end: every wait is taken in full. */
  isBulk?: boolean;
  /** The plan may itself change something, so that a write given up during it may have done so. */
  isPlanAWrite?: boolean;
  /** The plan may itself arm, so that blocks may stand where it throws. */
  isPlanArming?: boolean;
  /** What earlier attempts have taken of the time that whoever waits is ready to wait. */
  spentMs?: number;
}

/** What follows a commit. */
export interface WriteEffects {
  /** Before the acknowledgement: puts a committed document into this process's memory, to be hit. Called in the turn in which the lease allows it, or never. */
  install(document: DocumentBody, keys: readonly string[]): void;
  /** W5, which the acknowledgement does not wait for but in a bulk write: it bounds itself, and never fails. */
  store(documents: readonly DocumentBody[]): Promise<void>;
}

/** Who writes, for a plan that arms by itself. */
export interface WriteRound {
  token: string;
  /** The process. */
  writer: string;
}

/** What a write is going to do. */
export interface WritePlan<T> {
  /** Every lookup that it may change the answer of: `id:<uuid>`, the slugs it gives up and those it takes. */
  keys: readonly string[];
  /** W1 and W2, where they went with the plan: the blocks of exactly `keys` stand. */
  armed?: ArmedLook;
  /**
   * W4: the transaction, which begins with `begin_write` and ends with `end_write`. It may begin at once, but waits for `armed.readers` before it
   * commits. What it throws is thrown on, and nothing is written then.
   */
  commit(armed: Armed): Promise<Commit<T>>;
  /** Takes back what the plan itself has begun of W4; called where `commit` never will be. */
  drop?(): void;
}

/** There is nothing to write, and no block was made: what the caller gets to see of it. */
export interface NoWrite {
  refused: unknown;
}

export type Plan<T> = (round: WriteRound) => Promise<WritePlan<T> | NoWrite>;

export interface WriterCounts {
  writes: number;
  aborted: number;
  unknown: number;
  /** Writes by how long they waited for the readers: up to 1, 2, 5, ... ms, and beyond. */
  ackWaitMs: Record<string, number>;
}

export interface WriteErrors {
  /** Nothing was written: the database was lost, or replaced, before the commit. */
  unavailable(): Error;
  /** Nothing was written: too much stands in the way for now. */
  busy(message: string, retryAfterS?: number): Error;
  /** The write may stand. */
  unknown(): Error;
}
