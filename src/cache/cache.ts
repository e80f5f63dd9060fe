import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { briefly, type Clock, monotonicClock, nextTurn, withTimeout } from './clock.js';
import { createCounters } from './counters.js';
import type { DocumentSource } from './document-bodies.js';
import type { Plan, WriteErrors, WriteOptions, WriteTrace } from './document-write.js';
import { createDocumentWriter } from './document-writer.js';
import { createDocuments, type Documents } from './documents.js';
import { createGenerations } from './generations.js';
import { cacheKey } from './keys.js';
import { createLease } from './lease.js';
import { createLeaseKeeper } from './lease-keeper.js';
import { createMemory } from './memory.js';
import { type Listing, policies, tuning, type WriteRow } from './policies.js';
import { createRedisStore, type RedisStore } from './redis-store.js';
import { createRegistry } from './registry.js';
import { type CacheReport, createReport } from './report.js';
import { createSampler, type StaleRead } from './sampler.js';
import type { CacheSight } from './sight.js';
import { createTimed, type TimedAnswer, type TimedRow } from './timed.js';
import type { OpenSession, WriteSteps } from './truth-ports.js';
import { watchStore } from './watched-store.js';
import { watchSteps, watchWriter } from './watched-writer.js';

export interface Cache {
  documents: Documents;
  /** A value that lives by time, under the row's key for `argument`; `depends` names the generations whose raise drops it. */
  read<T extends object>(row: TimedRow, argument: string, depends: readonly Listing[], load: () => Promise<T>): Promise<TimedAnswer<T>>;
  /**
   * A write of documents, the way that no reader is left with the old ones: see DocumentWriter. Then what the row says: the documents are
   * put, pages dropped.
   */
  write<T>(row: WriteRow, plan: Plan<T>, options?: WriteOptions): Promise<{ value: T; trace: WriteTrace }>;
  /** Waits for a read that has several parts no longer than for one. */
  bounded<T>(work: Promise<T>): Promise<T>;
  report(): CacheReport;
  /**
   * Gets in touch with the primary; resolves when it is, or soon after if that takes longer. Without it every read is validated, and every
   * write waits for the longest lease.
   */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** How prices are kept true: see docs/price-truth.md. */
export interface TruthOptions {
  /** Null: no lease, every read is validated. */
  leaseMs: number | null;
  open: OpenSession;
  steps: WriteSteps;
  errors: WriteErrors;
  isLost: ((error: unknown) => boolean) | null;
  onFault?: (error: Error) => void;
  onStale?: (read: StaleRead) => void;
}

/** A process without a lease looks at the registry as often as one with this lease. */
const observerMs = 2000;

/**
 * Both tiers and all strategies of the table, over one source of documents.
 * @param store in the place of the one over `redis`
 */
export function createCache(options: {
  source: DocumentSource;
  redis: Redis | null;
  store?: RedisStore;
  catalogId: string;
  memoryBytes: number;
  truth: TruthOptions;
  clock?: Clock;
  overload: () => Error;
  timeout: () => Error;
  onRedisChange?: (isUp: boolean) => void;
  sight?: CacheSight | undefined;
}): Cache {
  const clock = options.clock ?? monotonicClock;
  const { truth, sight } = options;
  const counters = createCounters();
  const memory = createMemory(options.memoryBytes);
  const bare = options.store ?? createRedisStore(options.redis, options.onRedisChange);
  const store = sight && options.redis ? watchStore(bare, sight) : bare;
  const { catalogId, source, overload, timeout } = options;
  const shared = { source, store, memory, counters, clock, catalogId, overload, timeout };

  // Who may answer from memory, and who has to be waited for.
  const process = randomUUID();
  const registry = createRegistry(clock);
  const leaseMs = truth.leaseMs ?? observerMs;
  const lease = truth.leaseMs === null ? null : createLease({ clock, leaseMs, forget: (key) => memory.delete(key) });
  const keeper = createLeaseKeeper({
    clock,
    lease,
    leaseMs,
    registry,
    process,
    open: truth.open,
    onAck: (token, instance) => writer.acked(token, instance),
    onFault: truth.onFault,
  });

  const sampler = createSampler({ source, every: tuning.sampleEvery, onStale: (read) => truth.onStale?.(read) });
  const documents = createDocuments({ lease, sampler, isLost: truth.isLost, ...shared });
  const plain = createDocumentWriter({
    clock,
    lease,
    leaseMs,
    registry,
    process,
    errors: truth.errors,
    steps: sight ? watchSteps(truth.steps, sight) : truth.steps,
    isOwn: keeper.isOwn,
  });
  const writer = sight ? watchWriter(plain, sight) : plain;
  const generations = createGenerations(shared);
  const timed = createTimed(shared);

  /** W5 of writes that are acknowledged already, each of them bounded. */
  const storing = new Set<Promise<unknown>>();

  return {
    documents,
    async read(row, argument, depends, load) {
      const generation = await generations.of(depends);
      return timed.read(row, `${cacheKey(catalogId, row, argument)}@${generation}`, load);
    },
    write(row, plan, writeOptions) {
      const isPut = policies[row].refreshes === 'product';
      return writer.write(plan, {
        install: (document, keys) => isPut && documents.install(document, keys),
        async store(written) {
          // When the answer is on its way.
          const put = async () => {
            await nextTurn(clock);
            await Promise.all(written.map((document) => documents.store(document)));
          };
          const work = Promise.all([isPut && briefly(put(), tuning.writeThroughMs, clock), generations.raise(policies[row].drops)]);
          storing.add(work);
          await work.finally(() => storing.delete(work));
        },
        ...writeOptions,
      });
    },
    bounded: (work) => withTimeout(work, tuning.boundedMs, options.timeout, clock),
    report: createReport({
      lease,
      keeper,
      documents,
      writer,
      sampler,
      memory,
      store,
      counters,
      hasRedis: options.redis !== null,
      leaseMs: truth.leaseMs,
    }),
    start: () => keeper.start(),
    async close() {
      await keeper.close();
      await Promise.allSettled(storing);
      store.close();
    },
  };
}
