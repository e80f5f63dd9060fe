/** How far a configuration goes. Within it the search is exhaustive; ticks, renewals, reads and messages are not counted at all. */
export interface Bounds {
  /** Per instance: ticks that its lease lasts, as the slowest clock of A2 makes it last. */
  leaseTicks: readonly number[];
  /** 1.1 Lmax, as the fastest clock of a writer counts it; also 1.1 x 5 s and, for the registry, 1.65 x 5 s. */
  waitTicks: number;
  /** Time passes. Without it leases last, and a writer waits for acknowledgements alone. */
  hasTime: boolean;
  /** Per writer, a process of its own: how many writes it makes, one after the other. */
  writes: readonly number[];
  /** Reads through R2 at one time, anywhere. Hits need none. */
  readers: number;
  /** A read loads the document in a second statement; else the version query brings it along. */
  hasLoads: boolean;
  hasRedis: boolean;
  /** Instances begin in the registry, with a lease and the product in memory. */
  isWarm: boolean;
  /** Writer processes begin knowing the pair for long. */
  isSeasoned: boolean;
  /** The pair may be recorded as settled; the migration has recorded the first. */
  hasSettled: boolean;
  /** A process may read the registry between writes (as its earlier writes did). */
  hasNotes: boolean;
  /** Writers acknowledge. Without it, what a read must not fall behind is what others have returned: F2 alone. */
  hasAnswers: boolean;
  /** Writers may die at any step. */
  hasDeaths: boolean;
  /** Instances may die at any step and start anew. */
  hasRestarts: boolean;
  /** Instances are in `validate` mode and never join. */
  isValidating: boolean;
  /** What reads return is checked; that B of a deleted token never commits is not, so that the search goes on to what follows from it. */
  checksReadsOnly: boolean;
  /** B's outcome may stay unknown (W7), and B may lie open between begin_write and COMMIT. */
  hasUnknown: boolean;
  /** B may begin before W3 is satisfied, be rolled back and begin again; its COMMIT is sent when W3 is. */
  isEager: boolean;
  hasReaper: boolean;
  hasTidying: boolean;
  /** A renewal may fail half-way. */
  hasLostRenewals: boolean;
  /**
   * `backend`: a backend dies, Postgres starts anew under the same postmaster, so that the pair stays. `restart`: the pair changes. Both lose
   * commits that were not flushed. `failover`: the pair changes and synchronous commits may be lost as well (A1 does not hold).
   */
  crash: 'none' | 'backend' | 'restart' | 'failover';
  crashes: number;
}

const smallest: Bounds = {
  leaseTicks: [2],
  waitTicks: 2,
  hasTime: true,
  writes: [1],
  readers: 1,
  hasLoads: false,
  hasRedis: false,
  isWarm: false,
  isSeasoned: true,
  hasSettled: false,
  hasNotes: false,
  hasAnswers: true,
  hasDeaths: false,
  hasRestarts: false,
  isValidating: false,
  checksReadsOnly: false,
  hasUnknown: false,
  isEager: false,
  hasReaper: false,
  hasTidying: false,
  hasLostRenewals: false,
  crash: 'none',
  crashes: 0,
};

export const bounded = (differing: Partial<Bounds>): Bounds => ({ ...smallest, ...differing });
