import type { Fleet, Slot } from './fleet.js';
import type { TruthPostgres } from './postgres.js';
import type { Random } from './random.js';
import type { TruthRedis } from './redis.js';

export interface FaultContext {
  fleet: Fleet;
  /** The instances that are there all the time; the others of the fleet join and leave. */
  residents: readonly Slot[];
  guests: readonly Slot[];
  postgres: TruthPostgres;
  redis: TruthRedis;
  /** The names of the fail-points in the instances. */
  failPoints: readonly string[];
  random: Random;
}

/** One fault, drawn: bounded in time by itself, and undone at its end. */
export interface DrawnFault {
  /** For whoever reads the log. */
  on: string;
  /** The fail-point, where it is one: each is counted for itself. */
  point?: string;
  /** What no other fault may hold at the same time. */
  holds: string;
  /** Resolves to whether it met something to act on. */
  run(): Promise<boolean>;
}

/** Null where this cannot be had here. */
export type FaultKind = (context: FaultContext) => DrawnFault | null;
