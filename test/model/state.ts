/**
 * One state of the model. The product is its value: the number of the commit that made it, 0 for the beginning, which stands for the whole document
 * with its version and token. Fields named `...s` that are sets of tokens are bit masks. Small numbers kept per instance lie in one number, four bits
 * each (`nibble`).
 */
export interface State {
  /** Timeline and start of the postmaster as one number, raised by a restart. */
  pair: number;
  crashesLeft: number;
  /** What the next commit's value follows. Never falls, so that a value lost in a failover is not used again. */
  top: number;
  /** Values lost in a failover, a mask: bit 0 stands for value 1. */
  lost: number;
  /** The newest value acknowledged or returned so far: what a read that starts now must not fall behind (F1 and F2). */
  floor: number;
  /** Tokens whose NOTIFY to block, or to release, has been sent. It may arrive at any time from then on, repeatedly, or never. */
  armed: number;
  freed: number;
  /** Tokens whose block rows somebody else than B has deleted: their B must not commit. */
  revoked: number;
  acknowledged: number;
  now: Database;
  /** What a crash leaves: the state at some moment between the last synchronous commit and now. */
  flushed: Database;
  /** The document in Redis: 1 + the value of its version, 1 + the value its body shows; 0 where there is none. */
  redisLabel: number;
  redisBody: number;
  /** Per instance: the beat that the process which tidies the registry saw, and for how many ticks. */
  watchedBeats: number;
  watchedTicks: number;
  instances: Instance[];
  readers: Reader[];
  writers: Writer[];
}

export interface Database {
  value: number;
  /** Tokens with rows in `block`. */
  blocks: number;
  /** Tokens in `write_log`. */
  log: number;
  /** Per instance: 0 without a row in the registry, else its beat. A fresh row has a fresh beat, so that equal beats mean the same row, too. */
  beats: number;
  /** 1 + the pair recorded as settled. */
  settled: number;
}

export const outside = 0;
export const joined = 1;
/** The row is sent but not committed. Only a sabotaged instance renews in this state. */
export const joining = 2;

export const resting = 0;
/** N1 and N2a are done. */
export const beaten = 1;
/** N2b's snapshot is taken, its reply is under way. */
export const answered = 2;
/** Sabotage: the snapshot is taken, the beat not committed. */
export const early = 3;

export interface Instance {
  membership: number;
  /** Ticks until the lease ends. */
  lease: number;
  /** The pair of the last grant. */
  pair: number;
  /** 1 + the version in memory, 1 + the value that its body shows. */
  memory: number;
  body: number;
  blocked: number;
  released: number;
  /** Tokens whose acknowledgement the writer may have received. */
  acked: number;
  /** Sabotage: acknowledged, not applied yet. */
  owed: number;
  renewal: number;
  /** Ticks since N1. */
  sinceSend: number;
  /** Tokens blocked at N1. */
  knownBefore: number;
  /** N2b's reply. */
  replyBlocks: number;
  replyPair: number;
}

export const free = 0;
/** The version query is sent. */
export const asking = 1;
/** The version query's snapshot is taken. */
export const told = 2;
/** The document's snapshot is taken. */
export const loading = 3;
/** Sabotage: the body is read, the version not yet. */
export const tearing = 4;

export interface Reader {
  phase: number;
  instance: number;
  /** `floor` when the read began. */
  floor: number;
  /** 1 where a generation of its keys or the epoch has changed since its version query was sent. */
  isOutdated: number;
  version: number;
  label: number;
  body: number;
}

export const idle = 0;
export const armedUp = 1;
export const listed = 2;
/** B is on its way. */
export const writing = 3;
export const succeeded = 4;
export const unknown = 5;
export const refused = 6;
export const dead = 7;
/** Sabotage: the registry is read, A not sent. */
export const listedFirst = 8;
/** Sabotage: `write_log` is read and does not show the token, its block rows are not deleted. */
export const loggedFirst = 9;

export const notSent = 0;
export const inFlight = 1;
/** begin_write is done: row locks held. */
export const open = 2;
export const committed = 3;

export interface Writer {
  phase: number;
  /** Writes begun, this one included. */
  writes: number;
  /** Ticks since A's reply. */
  sinceArm: number;
  pair: number;
  /** Instances in W2's reply, a mask. */
  needed: number;
  /** Whether W2's reply showed the current pair as settled. */
  isSettled: number;
  /** Per instance: the beat last seen, and ticks since the first reply that showed it. */
  beats: number;
  beatTicks: number;
  /** 1 + the pair this process knows, and for how many ticks. */
  knownPair: number;
  knownTicks: number;
  transaction: number;
  value: number;
}

export const nibble = (packed: number, i: number) => (packed >> (4 * i)) & 15;
export const withNibble = (packed: number, i: number, value: number) => (packed & ~(15 << (4 * i))) | (value << (4 * i));

export function clone(s: State): State {
  return {
    ...s,
    now: { ...s.now },
    flushed: { ...s.flushed },
    instances: s.instances.map((instance) => ({ ...instance })),
    readers: s.readers.map((reader) => ({ ...reader })),
    writers: s.writers.map((writer) => ({ ...writer })),
  };
}

export const isLost = (s: State, value: number) => value > 0 && (s.lost & (1 << (value - 1))) !== 0;

/**
 * The version number of a value: one more than its predecessor's on its timeline, so that numbers are used again after a failover that lost
 * commits. Right for one such failover.
 */
export function versionOf(s: State, value: number): number {
  if (isLost(s, value)) return value;
  let version = 0;
  for (let v = 1; v <= value; v++) if (!isLost(s, v)) version += 1;
  return version;
}
