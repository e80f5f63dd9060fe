import type { Redis } from 'ioredis';
import { type Clock, monotonicClock } from './clock.js';
import { createCounters } from './counters.js';
import type { DocumentBody, DocumentSource } from './document-bodies.js';
import { createDocuments, type Documents } from './documents.js';
import { createGenerations } from './generations.js';
import { cacheKey } from './keys.js';
import { createMemory } from './memory.js';
import { type Listing, type Policy, policies, type RowName, type WriteRow } from './policies.js';
import { createRedisStore } from './redis-store.js';
import { createTimed, type TimedAnswer, type TimedRow } from './timed.js';

export interface Cache {
  documents: Documents;
  /** A value that lives by time, under the row's key for `argument`; `depends` names the generations whose raise drops it. */
  read<T extends object>(row: TimedRow, argument: string, depends: readonly Listing[], load: () => Promise<T>): Promise<TimedAnswer<T>>;
  /** What the row of a committed write says: documents are put, pages dropped. Never throws: the write stands whatever happens here. */
  wrote(row: WriteRow, documents: readonly DocumentBody[]): Promise<void>;
  isRedisUp(): boolean;
  report(): CacheReport;
  close(): void;
}

export interface CacheReport {
  rows: ({ name: RowName } & Policy & {
      hits?: number;
      misses?: number;
      staleServes?: number;
      fills?: number;
      fillsRefused?: number;
      waits?: number;
    })[];
  memory: { entries: number; bytes: number; maxBytes: number };
  redis: 'up' | 'down' | 'none';
  /** Blocks and leases belong to the price protocol; without it memory is trusted for `trustMs` and nothing is ever blocked. */
  lease: { mode: 'validate' | 'trust'; trustMs: number; blocks: number };
}

/** Both tiers and all strategies of the table, over one source of documents. */
export function createCache(options: {
  source: DocumentSource;
  redis: Redis | null;
  catalogId: string;
  memoryBytes: number;
  /** Ask Postgres on every read instead of trusting memory for a moment. */
  isEveryReadValidated?: boolean;
  clock?: Clock;
  overload: () => Error;
  timeout: () => Error;
  onRedisChange?: (isUp: boolean) => void;
}): Cache {
  const clock = options.clock ?? monotonicClock;
  const counters = createCounters();
  const memory = createMemory(options.memoryBytes);
  const store = createRedisStore(options.redis, options.onRedisChange);
  const shared = { ...options, clock, counters, memory, store };
  const trustMs = options.isEveryReadValidated ? 0 : policies.productDetail.trustMs;
  const documents = createDocuments({ ...shared, trustMs });
  const generations = createGenerations(shared);
  const timed = createTimed(shared);

  return {
    documents,
    async read(row, argument, depends, load) {
      const generation = await generations.of(depends);
      return timed.read(row, `${cacheKey(options.catalogId, row, argument)}@${generation}`, load);
    },
    async wrote(row, written) {
      if (policies[row].refreshes === 'nothing') documents.doubt();
      await Promise.all([...written.map((document) => documents.put(document)), generations.raise(policies[row].drops)]);
    },
    isRedisUp: () => store.isUp(),
    report: () => ({
      rows: Object.entries(policies).map(([name, policy]) => {
        if (policy.strategy === 'none' || policy.strategy === 'write-through') return { name: name as RowName, ...policy };
        const { count: _, ...counts } = counters(name as TimedRow);
        return { name: name as RowName, ...policy, ...counts };
      }),
      memory: memory.usage(),
      redis: options.redis === null ? 'none' : store.isUp() ? 'up' : 'down',
      lease: { mode: options.isEveryReadValidated ? 'validate' : 'trust', trustMs, blocks: 0 },
    }),
    close: () => store.close(),
  };
}
