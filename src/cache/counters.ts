import { isHit, type Outcome } from './outcome.js';
import { policies, type ReadRow } from './policies.js';

/** What happened under one row of the table since the process started. */
export interface RowCounters {
  hits: number;
  misses: number;
  staleServes: number;
  fills: number;
  fillsRefused: number;
  waits: number;
  /** Reads by how they were answered, but for those that memory answered: see the report. */
  outcomes: Record<Outcome, number>;
  count(outcome: Outcome): void;
}

export function createCounters(): (row: ReadRow) => RowCounters {
  const rows = new Map(Object.keys(policies).map((name) => [name, createRow()]));
  return (row) => rows.get(row) as RowCounters;
}

function createRow(): RowCounters {
  return {
    hits: 0,
    misses: 0,
    staleServes: 0,
    fills: 0,
    fillsRefused: 0,
    waits: 0,
    outcomes: {
      memory: 0,
      validated: 0,
      redis: 0,
      absent: 0,
      stale: 0,
      stored: 0,
      collapsed: 0,
      miss: 0,
      'redis-down': 0,
      unverified: 0,
      bypass: 0,
    },
    count(outcome) {
      if (isHit(outcome)) this.hits += 1;
      else this.misses += 1;
      this.outcomes[outcome] += 1;
      if (outcome === 'stale') this.staleServes += 1;
      if (outcome === 'stored') this.fills += 1;
      if (outcome === 'collapsed') this.waits += 1;
    },
  };
}
