import type { WriteTrace } from './document-write.js';

/** Whoever looks on while the cache works, to measure it. No method adds an error or a wait of its own; without one, nothing is asked. */
export interface CacheSight {
  /** Runs one call to Redis. `isAnswered` says of what it gave whether Redis has answered. */
  redis<T>(operation: string, call: () => Promise<T>, isAnswered: (given: T) => boolean): Promise<T>;
  /** Runs one step of a write, which may have steps of its own. */
  step<T>(name: string, attributes: Record<string, string | number>, work: () => Promise<T>): Promise<T>;
  /** A write has come through, and this was its round. Called inside the step that the whole write is. */
  written(trace: WriteTrace): void;
}
