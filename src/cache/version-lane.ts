import { type Clock, withTimeout } from './clock.js';
import { tuning } from './policies.js';

/** Where lookups are answered: which version stands now. */
export interface Version {
  id: string;
  slug: string;
  version: number;
  token: string;
}

export interface LaneAnswer<Mark> {
  found: Map<string, Version>;
  /** Monotonic ms, taken before the query was sent: the answer is at least as new as this. */
  sentAt: number;
  /** What `mark` gave in the turn in which the query was sent. */
  mark: Mark;
}

export interface VersionLane<Mark> {
  /** Answers from a query that is sent after this call. Throws what the query throws, or what `overload` and `timeout` make. */
  ask(lookups: readonly string[]): Promise<LaneAnswer<Mark>>;
  counts(): LaneCounts;
}

/** Validated reads: lookups asked for, and the queries that they shared. */
export interface LaneCounts {
  lookups: number;
  queries: number;
  failed: number;
}

interface Batch<Mark> {
  lookups: Set<string>;
  answer: Promise<LaneAnswer<Mark>>;
  send(): Promise<void>;
}

/**
 * R2, the version query of validated reads: many readers, one statement. At most one query runs and one collects; a reader joins only
 * the one that has not been sent, because the answer of a running one may be older than the reader's own beginning.
 */
export function createVersionLane<Mark>(options: {
  versions: (lookups: readonly string[]) => Promise<Map<string, Version>>;
  clock: Clock;
  mark: () => Mark;
  overload: () => Error;
  timeout: () => Error;
}): VersionLane<Mark> {
  const line: Batch<Mark>[] = [];
  let isRunning = false;
  let waiting = 0;
  const counts: LaneCounts = { lookups: 0, queries: 0, failed: 0 };

  function collect(lookups: readonly string[]): Batch<Mark> {
    const last = line.at(-1);
    if (last && last.lookups.size + lookups.length <= tuning.versionBatch) {
      for (const lookup of lookups) last.lookups.add(lookup);
      return last;
    }
    const batch = createBatch(new Set(lookups));
    line.push(batch);
    return batch;
  }

  function createBatch(wanted: Set<string>): Batch<Mark> {
    let settle!: { resolve: (answer: LaneAnswer<Mark>) => void; reject: (error: unknown) => void };
    const answer = new Promise<LaneAnswer<Mark>>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const giveUpAt = options.clock.now() + 2 * tuning.versionQueryMs;
    return {
      lookups: wanted,
      answer,
      async send() {
        const sentAt = options.clock.now();
        const mark = options.mark();
        counts.queries += 1;
        try {
          // Behind a query that hangs stands one more; a third would wait for both.
          if (sentAt >= giveUpAt) throw options.timeout();
          const found = await withTimeout(
            options.versions([...wanted]),
            Math.min(tuning.versionQueryMs, giveUpAt - sentAt),
            options.timeout,
            options.clock,
          );
          settle.resolve({ found, sentAt, mark });
        } catch (error) {
          counts.failed += 1;
          settle.reject(error);
        }
      },
    };
  }

  async function run() {
    isRunning = true;
    // Everything that arrives in this turn of the event loop goes along.
    await new Promise<void>((resolve) => options.clock.turn(resolve));
    for (let batch = line.shift(); batch; batch = line.shift()) await batch.send();
    isRunning = false;
  }

  return {
    async ask(lookups) {
      if (waiting >= tuning.versionQueue) throw options.overload();
      waiting += 1;
      counts.lookups += lookups.length;
      try {
        const batch = collect(lookups);
        if (!isRunning) void run();
        return await batch.answer;
      } finally {
        waiting -= 1;
      }
    },
    counts: () => ({ ...counts }),
  };
}
