import { type Bounds, bounded } from './bounds.js';
import type { Sabotage } from './sabotage.js';

/** A protocol with a rule broken, and the smallest bounds found in which that shows. */
export interface Mutant {
  breaks: readonly Sabotage[];
  /** What the broken rule does instead. */
  does: string;
  bounds: Bounds;
  /** Why nothing is violated, for those that are not caught; these bounds are searched to the end all the same. */
  uncaught?: string;
}

const backendDies = { crash: 'backend', crashes: 1 } as const;
const restarts = { crash: 'restart', crashes: 1 } as const;
const failsOver = { crash: 'failover', crashes: 1 } as const;

export const mutants: readonly Mutant[] = [
  // J and N
  { breaks: ['renew-before-join'], does: 'J3 renews before the row of J2 is committed', bounds: bounded({}) },
  {
    breaks: ['async-join', 'async-beat'],
    does: 'J2 commits asynchronously, and so does N2a (which would make J2 durable with itself); a backend dies',
    bounds: bounded({ ...backendDies }),
  },
  { breaks: ['async-beat'], does: 'N2a commits asynchronously; a backend dies', bounds: bounded({ ...backendDies, isWarm: true, hasNotes: true }) },
  { breaks: ['one-snapshot'], does: "N2b's snapshot is older than N2a's commit", bounds: bounded({ isWarm: true, hasNotes: true }) },
  { breaks: ['renew-without-row'], does: 'N2a that updates no row grants a lease all the same', bounds: bounded({ hasTidying: true }) },
  { breaks: ['lease-from-reply'], does: 'N6 counts the lease from the reply', bounds: bounded({}) },
  { breaks: ['release-unknown'], does: 'N4 releases every token absent from the reply', bounds: bounded({ isWarm: true }) },
  { breaks: ['memory-outlives-lapse'], does: 'N5 keeps memory although the lease had lapsed', bounds: bounded({ isWarm: true }) },
  { breaks: ['epoch-outlives-lapse'], does: 'N5 begins no new epoch although the lease had lapsed', bounds: bounded({}) },
  { breaks: ['memory-outlives-pair'], does: 'N5 keeps memory although the pair has changed', bounds: bounded({ ...failsOver, isWarm: true }) },
  // Apply, Release, R
  { breaks: ['ack-before-apply'], does: 'an instance acknowledges a token and applies it later', bounds: bounded({ isWarm: true }) },
  { breaks: ['install-read-while-blocked'], does: 'Release raises no generation: a result read during the block is installed', bounds: bounded({}) },
  { breaks: ['hit-without-lease'], does: 'R1 does not look at the lease', bounds: bounded({ isWarm: true }) },
  { breaks: ['join-of-sent-query'], does: 'a read joins a version query that was sent before it began', bounds: bounded({ readers: 2 }) },
  { breaks: ['torn-document'], does: 'body and version come from two statements', bounds: bounded({ readers: 2, hasLoads: true }) },
  {
    breaks: ['older-body-of-winner'],
    does: 'a read takes the body that another loads, whatever its version',
    bounds: bounded({ readers: 2, hasLoads: true }),
  },
  { breaks: ['redis-trusted'], does: 'a body in Redis is used whatever Postgres answered', bounds: bounded({ hasLoads: true, hasRedis: true }) },
  {
    breaks: ['version-without-token'],
    does: 'a body is used at its version number, whatever its token',
    bounds: bounded({ ...failsOver, hasLoads: true, hasRedis: true, writes: [2], isValidating: true }),
  },
  { breaks: ['no-gen-check'], does: 'R3 installs whatever the generations say', bounds: bounded({}) },
  // W
  { breaks: ['beat-before-arm'], does: 'W2 reads the registry and its beats before A', bounds: bounded({}) },
  { breaks: ['no-wait'], does: 'W3 waits for nobody', bounds: bounded({ isWarm: true }) },
  {
    breaks: ['no-wait'],
    does: 'W3 waits for nobody; one instance shows the new price, then another the old one, before any acknowledgement',
    bounds: bounded({ leaseTicks: [2, 1], isWarm: true, hasAnswers: false }),
  },
  {
    breaks: ['commit-before-readers'],
    does: 'a B that begins early commits before W3 is satisfied',
    bounds: bounded({ isEager: true, isWarm: true }),
  },
  { breaks: ['wait-without-margin'], does: 'W3 waits L by its own clock, not 1.1 L', bounds: bounded({ isWarm: true }) },
  { breaks: ['no-settle-wait'], does: 'a process writes at once on a pair it has just met', bounds: bounded({ ...failsOver, isWarm: true }) },
  {
    breaks: ['no-settle-wait'],
    does: 'a process writes at once on a pair it has just met, and no synchronous commit is ever lost',
    bounds: bounded({ ...restarts, isSeasoned: false }),
    uncaught: 'While A1 holds, the row of every leased instance outlives the restart. The settle wait guards against a failover that loses commits.',
  },
  {
    breaks: ['settled-pair-of-the-moment'],
    does: 'a process that has known a pair for long records the pair of the moment as settled',
    bounds: bounded({ ...failsOver, isWarm: true, hasSettled: true }),
  },
  {
    breaks: ['records-outlive-pair', 'no-settle-wait', 'async-beat'],
    does: 'records of beats outlive the pair, no process waits for a pair to settle, and a restart loses beats',
    bounds: bounded({ ...restarts, isWarm: true, hasNotes: true }),
  },
  {
    breaks: ['records-outlive-pair'],
    does: 'records of beats outlive the pair',
    bounds: bounded({ ...failsOver, isWarm: true, hasNotes: true, hasSettled: true }),
    uncaught: 'The settle wait hides it: when a process may write on a new pair, every lease of the old one has run out, whatever its beat.',
  },
  {
    breaks: ['no-fence'],
    does: 'begin_write does not count the rows it deletes; the reaper is faster than the write',
    bounds: bounded({ hasReaper: true }),
  },
  { breaks: ['no-fence'], does: 'begin_write does not count the rows it deletes; W7 has deleted them', bounds: bounded({ hasUnknown: true }) },
  {
    breaks: ['no-fence'],
    does: 'begin_write does not count the rows it deletes; what reads see of it',
    bounds: bounded({ hasReaper: true, isWarm: true, checksReadsOnly: true }),
  },
  {
    breaks: ['no-pair-check'],
    does: "B does not compare the pair with A's; what reads see of it",
    bounds: bounded({ ...failsOver, hasReaper: true, isWarm: true, readers: 0, checksReadsOnly: true }),
  },
  {
    breaks: ['no-pair-check'],
    does: "B does not compare the pair with A's, and no synchronous commit is ever lost",
    bounds: bounded({ ...restarts, hasReaper: true, isWarm: true }),
    uncaught:
      'While A1 holds, what the reaper deleted stays deleted, and the fence stops B. The pair check guards against a failover that loses commits.',
  },
  { breaks: ['release-before-commit'], does: 'block rows are deleted in a transaction before B', bounds: bounded({ isWarm: true }) },
  { breaks: ['async-write'], does: 'B commits asynchronously; a backend dies', bounds: bounded({ ...backendDies }) },
  { breaks: ['log-before-delete'], does: 'W7 reads write_log before it deletes the block rows', bounds: bounded({ hasUnknown: true }) },
  // Registry and reaper
  {
    breaks: ['early-tidying'],
    does: 'a row is deleted when its beat was unchanged for less than the longest lease',
    bounds: bounded({ isWarm: true, hasTidying: true }),
  },
  {
    breaks: ['async-reaper'],
    does: 'the reaper deletes asynchronously, a backend dies; what reads see of it',
    bounds: bounded({ ...backendDies, hasReaper: true, isWarm: true, readers: 0, checksReadsOnly: true }),
  },
  {
    breaks: ['reapply-released'],
    does: 'a released token is applied again',
    bounds: bounded({ hasReaper: true, hasNotes: true, hasLostRenewals: true }),
    uncaught:
      'To block is always safe. The rule spares misses: a late NOTIFY, or a renewal older than the release, would block until the next renewal.',
  },
  {
    breaks: ['async-join'],
    does: 'J2 commits asynchronously, N2a does not; a backend dies',
    bounds: bounded({ ...backendDies, hasNotes: true }),
    uncaught: 'No lease is granted before the first N2a, whose commit makes everything before it durable.',
  },
];
