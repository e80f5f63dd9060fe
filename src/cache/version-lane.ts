import { type Clock, withTimeout } from './clock.js';
import { tuning } from './policies.js';

/** Where lookups are answered: which version stands now. */
export interface Version {
  id: string;
  slug: string;
  version: number;
  token: string;
}

export interface LaneAnswer {
  found: Map<string, Version>;
  /** Monotonic ms, taken before the query was sent: the answer is at least as new as this. */
  sentAt: number;
}

export interface VersionLane {
  /** Answers from a query that is sent after this call. Throws what the query throws, or what `overload` and `timeout` make. */
  ask(lookups: readonly string[]): Promise<LaneAnswer>;
}

interface Batch {
  lookups: Set<string>;
  answer: Promise<LaneAnswer>;
  send(): Promise<void>;
}

/**
 * The version query of validated reads (rule R2): many readers, one statement. At most one query runs and one collects; a reader joins only
 * the one that has not been sent, because the answer of a running one may be older than the reader's own beginning.
 */
export function createVersionLane(options: {
  versions: (lookups: readonly string[]) => Promise<Map<string, Version>>;
  clock: Clock;
  overload: () => Error;
  timeout: () => Error;
}): VersionLane {
  const line: Batch[] = [];
  let isRunning = false;
  let waiting = 0;

  function collect(lookups: readonly string[]): Batch {
    const last = line.at(-1);
    if (last && last.lookups.size + lookups.length <= tuning.versionBatch) {
      for (const lookup of lookups) last.lookups.add(lookup);
      return last;
    }
    const batch = createBatch(new Set(lookups));
    line.push(batch);
    return batch;
  }

  function createBatch(wanted: Set<string>): Batch {
    let settle!: { resolve: (answer: LaneAnswer) => void; reject: (error: unknown) => void };
    const answer = new Promise<LaneAnswer>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const giveUpAt = options.clock.now() + 2 * tuning.versionQueryMs;
    return {
      lookups: wanted,
      answer,
      async send() {
        const sentAt = options.clock.now();
        try {
          // Behind a query that hangs stands one more; a third would wait for both.
          if (sentAt >= giveUpAt) throw options.timeout();
          const found = await withTimeout(options.versions([...wanted]), Math.min(tuning.versionQueryMs, giveUpAt - sentAt), options.timeout);
          settle.resolve({ found, sentAt });
        } catch (error) {
          settle.reject(error);
        }
      },
    };
  }

  async function run() {
    isRunning = true;
    // Everything that arrives in this turn of the event loop goes along.
    await new Promise(setImmediate);
    for (let batch = line.shift(); batch; batch = line.shift()) await batch.send();
    isRunning = false;
  }

  return {
    async ask(lookups) {
      if (waiting >= tuning.versionQueue) throw options.overload();
      waiting += 1;
      try {
        const batch = collect(lookups);
        if (!isRunning) void run();
        return await batch.answer;
      } finally {
        waiting -= 1;
      }
    },
  };
}
