import type { RowCounters } from './counters.js';
import type { WriterCounts } from './document-write.js';
import type { DocumentWriter } from './document-writer.js';
import type { Documents } from './documents.js';
import type { Lease, LeaseCounts } from './lease.js';
import type { KeeperState, LeaseKeeper } from './lease-keeper.js';
import type { Memory, MemoryUsage } from './memory.js';
import { isHit, type Outcome } from './outcome.js';
import { type Policy, policies, type ReadRow, type RowName } from './policies.js';
import type { RedisStore } from './redis-store.js';
import type { Sampler, SamplerCounts } from './sampler.js';
import type { LaneCounts } from './version-lane.js';

/** The policy table with what happened under each row since the process started, and the state of the lease. */
export interface CacheReport {
  rows: ({ name: RowName } & Policy & Partial<Omit<RowCounters, 'count'>>)[];
  memory: MemoryUsage;
  redis: 'up' | 'down' | 'none';
  lease: KeeperState &
    LeaseCounts & {
      /** `validate`: no lease is wanted; every read is validated. */
      mode: 'lease' | 'validate';
      /** `held`: memory answers. `lost`: every read is validated until the next renewal. */
      state: 'held' | 'lost' | 'none';
      leaseMs: number | null;
    };
  validated: LaneCounts;
  writes: WriterCounts;
  sampler: SamplerCounts;
}

export function createReport(parts: {
  lease: Lease | null;
  leaseMs: number | null;
  keeper: LeaseKeeper;
  documents: Documents;
  writer: DocumentWriter;
  sampler: Sampler;
  memory: Memory;
  store: RedisStore;
  hasRedis: boolean;
  counters: (row: ReadRow) => RowCounters;
}): () => CacheReport {
  const { lease, store } = parts;
  return () => ({
    rows: Object.entries(policies).map(([name, policy]) => {
      if (policy.strategy === 'none' || policy.strategy === 'write-through') return { name: name as RowName, ...policy };
      const { count: _, ...counts } = parts.counters(name as ReadRow);
      return { name: name as RowName, ...policy, ...counts, outcomes: withMemory(counts) };
    }),
    memory: parts.memory.usage(),
    redis: !parts.hasRedis ? 'none' : store.isUp() ? 'up' : 'down',
    lease: {
      mode: lease ? 'lease' : 'validate',
      state: lease === null ? 'none' : lease.isHeld() ? 'held' : 'lost',
      leaseMs: parts.leaseMs,
      ...parts.keeper.state(),
      ...(lease?.counts() ?? { heldRatio: 0, lapses: 0, applied: 0, blocks: 0, blockedKeys: 0, epochChanges: 0 }),
    },
    validated: parts.documents.counts(),
    writes: parts.writer.counts(),
    sampler: parts.sampler.counts(),
  });
}

/** A hit in memory is counted as a hit and nothing more, which spares the hottest path a second count: the rest tells how many there were. */
function withMemory({ hits, outcomes }: Pick<RowCounters, 'hits' | 'outcomes'>): Record<Outcome, number> {
  const told = Object.entries(outcomes).reduce((sum, [outcome, count]) => (isHit(outcome as Outcome) && outcome !== 'memory' ? sum + count : sum), 0);
  return { ...outcomes, memory: hits - told };
}
