import type { CacheReport } from '../cache/report.js';
import type { RouteTally } from './request-tally.js';

/** What there was too little of. */
export type Shortage = 'event_loop' | 'heap' | 'memory' | 'database';

/** What a scrape reads, as it stands at that moment. */
export interface Snapshot {
  version: string;
  report: CacheReport;
  isReady: boolean;
  isDraining: boolean;
  isDatabaseUp: boolean;
  /** The connections for reading, and those for writes and keys. */
  pools: Record<'read' | 'write', { open: number; idle: number; waiting: number; max: number }>;
  imports: { waiting: number; running: number; done: number; failed: number; refused: number };
  closedConnections: { tooMany: number; pipelining: number; stalled: number };
  problems: ReadonlyMap<string, number>;
  shed: Record<Shortage, number>;
  routes: readonly RouteTally[];
  memoryLimitBytes: number;
}

type Values = [...labels: string[], value: number][];

export interface Metric {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  labels?: readonly string[];
  /** Values, each behind the values of its labels. None where there is nothing to tell. */
  read(now: Snapshot): Values;
}

const one = (value: number | boolean): [number][] => [[Number(value)]];
const byName = (values: Record<string, number>) => Object.entries(values) as [string, number][];

/** THE TABLE of what is counted elsewhere and only read when somebody scrapes, so that counting costs next to nothing. */
// biome-ignore format: a table reads by column
export const metrics: readonly Metric[] = [
  { name: 'truetag_build_info', type: 'gauge', labels: ['version', 'node'], help: 'Always 1; says which build runs', read: (s) => [[s.version, process.version, 1]] },
  { name: 'truetag_ready', type: 'gauge', help: '1 where /health/ready answers 200', read: (s) => one(s.isReady) },
  { name: 'truetag_draining', type: 'gauge', help: '1 from SIGTERM on', read: (s) => one(s.isDraining) },
  { name: 'truetag_memory_limit_bytes', type: 'gauge', help: 'What this process may use: the limit of its container, or the memory of the machine', read: (s) => one(s.memoryLimitBytes) },

  { name: 'truetag_http_requests_total', type: 'counter', labels: ['method', 'route', 'status'], help: 'Requests answered, by route pattern and class of status; route "none" has no route', read: (s) => s.routes.flatMap(requestsOf) },
  { name: 'truetag_problems_total', type: 'counter', labels: ['code'], help: 'Answers that are a problem, by its code: what was refused, and why', read: (s) => [...s.problems] },
  { name: 'truetag_requests_shed_total', type: 'counter', labels: ['reason'], help: 'Requests turned away so that others are answered, by what was short', read: (s) => byName(s.shed) },
  { name: 'truetag_connections_closed_total', type: 'counter', labels: ['reason'], help: 'Connections closed for a limit: too_many of them, pipelining more requests than may be under way, stalled clients that take no answer', read: ({ closedConnections: c }) => [['too_many', c.tooMany], ['pipelining', c.pipelining], ['stalled', c.stalled]] },

  { name: 'price_stale_reads_total', type: 'counter', help: 'Sampled memory hits that were not the version that stands: must stay 0', read: (s) => one(s.report.sampler.stale) },
  { name: 'truetag_price_samples_total', type: 'counter', labels: ['result'], help: 'Memory hits read again from Postgres, by whether it answered', read: ({ report: { sampler } }) => [['answered', sampler.samples], ['failed', sampler.failed]] },

  { name: 'truetag_cache_reads_total', type: 'counter', labels: ['row', 'outcome'], help: 'Reads by row of the policy table and by outcome, in the words of Cache-Status', read: (s) => s.report.rows.flatMap(({ name, outcomes }) => byName(outcomes ?? {}).map(([outcome, count]): [string, string, number] => [name, outcome, count])) },
  { name: 'truetag_cache_fills_refused_total', type: 'counter', labels: ['row'], help: 'Values that were loaded and could not enter a tier, since they had been touched or the lock was lost', read: (s) => s.report.rows.flatMap(({ name, fillsRefused }): [string, number][] => (fillsRefused === undefined ? [] : [[name, fillsRefused]])) },
  { name: 'truetag_cache_memory_bytes', type: 'gauge', help: 'What the first tier holds', read: (s) => one(s.report.memory.bytes) },
  { name: 'truetag_cache_memory_max_bytes', type: 'gauge', help: 'What the first tier may hold (MEMORY_CACHE_MB)', read: (s) => one(s.report.memory.maxBytes) },
  { name: 'truetag_cache_memory_entries', type: 'gauge', help: 'Entries of the first tier', read: (s) => one(s.report.memory.entries) },
  { name: 'truetag_cache_memory_evictions_total', type: 'counter', help: 'Entries that had to leave the first tier for others', read: (s) => one(s.report.memory.evictions) },
  { name: 'truetag_validated_lookups_total', type: 'counter', help: 'Lookups that Postgres was asked to validate', read: (s) => one(s.report.validated.lookups) },
  { name: 'truetag_version_queries_total', type: 'counter', labels: ['result'], help: 'The queries that validated lookups shared', read: ({ report: { validated: v } }) => [['answered', v.queries - v.failed], ['failed', v.failed]] },

  { name: 'truetag_lease_held', type: 'gauge', help: '1 while memory may answer by itself; missing under PRICE_READS=validate', read: ({ report: { lease } }) => (lease.mode === 'lease' ? one(lease.state === 'held') : []) },
  { name: 'truetag_lease_lapses_total', type: 'counter', help: 'Renewals that found the lease run out', read: (s) => one(s.report.lease.lapses) },
  { name: 'truetag_lease_renewals_total', type: 'counter', help: 'Renewals of the lease', read: (s) => one(s.report.lease.renewals) },
  { name: 'truetag_lease_joins_total', type: 'counter', help: 'How often this process has entered the registry', read: (s) => one(s.report.lease.joins) },
  { name: 'truetag_lease_connected', type: 'gauge', help: '1 while notices of Postgres arrive', read: (s) => one(s.report.lease.isConnected) },
  { name: 'truetag_cache_epoch_changes_total', type: 'counter', help: 'How often everything in memory has ceased to be believed', read: (s) => one(s.report.lease.epochChanges) },
  { name: 'truetag_blocks_applied_total', type: 'counter', help: 'Blocks of writes, of this instance or another, that were applied', read: (s) => one(s.report.lease.applied) },
  { name: 'truetag_blocks', type: 'gauge', help: 'Writes under way for whose products memory does not answer', read: (s) => one(s.report.lease.blocks) },
  { name: 'truetag_blocked_keys', type: 'gauge', help: 'Keys that are blocked', read: (s) => one(s.report.lease.blockedKeys) },
  { name: 'truetag_block_oldest_age_seconds', type: 'gauge', help: 'How long the oldest block has been seen to stand', read: (s) => one(s.report.lease.oldestBlockMs / 1000) },

  { name: 'truetag_writes_total', type: 'counter', labels: ['result'], help: 'Writes of documents, each attempt by itself: committed, aborted before the commit, unknown where the answer to COMMIT was lost', read: ({ report: { writes: w } }) => [['committed', w.writes], ['aborted', w.aborted], ['unknown', w.unknown]] },

  { name: 'truetag_redis_up', type: 'gauge', help: '1 while Redis answers; missing where none is configured', read: ({ report: { redis } }) => (redis === 'none' ? [] : one(redis === 'up')) },
  { name: 'truetag_postgres_up', type: 'gauge', help: '1 where Postgres has answered just now', read: (s) => one(s.isDatabaseUp) },
  { name: 'truetag_postgres_pool_connections', type: 'gauge', labels: ['pool', 'state'], help: 'Connections that stand: read is for readers, write for changes and keys', read: (s) => eachPool(s, ({ open, idle }) => [['idle', idle], ['busy', open - idle]]) },
  { name: 'truetag_postgres_pool_max_connections', type: 'gauge', labels: ['pool'], help: 'Connections that may be opened; together they are DATABASE_POOL', read: (s) => eachPool(s, ({ max }) => [[max]]) },
  { name: 'truetag_postgres_pool_waiting', type: 'gauge', labels: ['pool'], help: 'Who waits for a connection', read: (s) => eachPool(s, ({ waiting }) => [[waiting]]) },

  { name: 'truetag_import_jobs', type: 'gauge', labels: ['state'], help: 'Imports over HTTP that wait or run in this process', read: ({ imports: i }) => [['waiting', i.waiting], ['running', i.running]] },
  { name: 'truetag_import_jobs_total', type: 'counter', labels: ['result'], help: 'Imports over HTTP that have ended: done, failed (ours to mend) or refused (the file)', read: ({ imports: i }) => [['done', i.done], ['failed', i.failed], ['refused', i.refused]] },
];

/** The values of both pools, behind the name of each. */
function eachPool({ pools }: Snapshot, read: (pool: Snapshot['pools']['read']) => Values): Values {
  return Object.entries(pools).flatMap(([name, pool]) => read(pool).map((cells): Values[number] => [name, ...cells]));
}

function requestsOf({ method, route, classes }: RouteTally): [string, string, string, number][] {
  // A series that begins with its first event has not risen by it: errors of ours, which an alert watches, stand there before.
  return classes.flatMap((count, hundreds): [string, string, string, number][] =>
    count === 0 && hundreds !== 5 ? [] : [[method, route, `${hundreds}xx`, count]],
  );
}
