/** What the price protocol needs of Postgres. Implemented in `db/`; the simulation implements the same without one. */

/** A row of the registry: a process that may hold a lease. */
export interface Registered {
  id: string;
  /** Rises with every renewal. */
  beat: number;
  leaseMs: number;
}

/** The registry as one snapshot shows it. */
export interface RegistryLook {
  /** Which life of which database answered. */
  pair: string;
  /** Under this pair every lease that may still run has its row in the registry. */
  isSettled: boolean;
  instances: Registered[];
}

/** What one snapshot of the database says to a renewal (N2b). */
export interface Look extends RegistryLook {
  blocks: { token: string; writer: string; keys: string[] }[];
}

/**
 * One connection of its own to the primary, on which notices arrive. Every call is bounded and throws where the connection is lost, which
 * also ends the session: a notice that was missed then is what the next look is for.
 */
export interface Session {
  /** J2, durable when it returns. */
  join(id: string, leaseMs: number): Promise<void>;
  leave(id: string): Promise<void>;
  /** N2a. False where the instance has no row any more. */
  beat(id: string, beat: number): Promise<boolean>;
  /** N2b: one statement, one snapshot. */
  look(): Promise<Look>;
  /** The keys of a block that stands; none where it does not stand any more. */
  keysOf(token: string): Promise<string[]>;
  ack(writer: string, token: string, instance: string): Promise<void>;
  /** Registry: deletes an instance whose beat is still this one. */
  deleteInstance(id: string, beat: number): Promise<void>;
  /** Reaper: deletes the blocks of these tokens that nobody is committing, and sends out their release. */
  reap(tokens: readonly string[]): Promise<void>;
  /** Writes down that the pair is settled. */
  settle(pair: string): Promise<void>;
  /** Forgets proofs of writes that are more than a day old. */
  prune(): Promise<void>;
  close(): void;
}

export interface SessionEvents {
  /** A block stands. `keys` is missing where there were too many for a notice. */
  onArm(token: string, writer: string, keys: string[] | undefined): void;
  onRelease(token: string): void;
  onAck(token: string, instance: string): void;
  /** The session is over, once. */
  onEnd(error: Error): void;
}

/**
 * J1: opens a session for a process and makes sure that notices reach it.
 * @throws where Postgres cannot be reached, or notices do not arrive (a transaction-mode pooler)
 */
export type OpenSession = (process: string, events: SessionEvents) => Promise<Session>;

/** The steps of a write that the protocol itself takes, over any connection to the primary. */
export interface WriteSteps {
  /** W1: commits the blocks and notifies; gives the pair. */
  arm(token: string, keys: readonly string[], writer: string): Promise<string>;
  /** W2. */
  registry(): Promise<RegistryLook>;
  /** Ends a write that was not committed: takes its blocks away and sends out their release. */
  release(token: string): Promise<void>;
  /**
   * W7, on a new connection: takes the blocks away, which waits for a commit that is under way, then says whether the write is committed.
   * Throws where Postgres cannot be reached.
   */
  findOutcome(token: string): Promise<boolean>;
}

/** What a transaction needs to be let through by the database: see `begin_write` and `end_write`. */
export interface Armed {
  token: string;
  keyCount: number;
  pair: string;
  /** W3: fulfilled when nobody can be shown the old documents any more, rejected where the write is over. COMMIT must not be sent before. */
  readers: Promise<unknown>;
}

/** What W1 and W2 have answered. */
export interface ArmedLook {
  /** Of W1. */
  pair: string;
  /** W2's, whose snapshot was taken after W1 had committed. */
  look: RegistryLook;
}
