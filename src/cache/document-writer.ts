import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.js';
import type { Commit, Plan, WriteEffects, WriteErrors, WriteOptions, WriterCounts, WriteTrace } from './document-write.js';
import type { Lease } from './lease.js';
import { margin, type Registry } from './registry.js';
import type { RegistryLook, WriteSteps } from './truth-ports.js';

/** Writes of documents, W1 to W6, and W7 where COMMIT's answer is lost. */
export interface DocumentWriter {
  /**
   * @param plan looks, without any lock, at what is there, and says what is to be done; its time counts, and what it throws ends the write
   * @throws also what `errors` makes
   */
  write<T>(plan: Plan<T>, options: WriteOptions & WriteEffects): Promise<{ value: T; trace: WriteTrace }>;
  /** Of a LeaseKeeper. */
  acked(token: string, instance: string): void;
  counts(): WriterCounts;
}

/** What a write takes besides the wait for readers, before whoever waits for it is told that it did not come through. */
const workMs = 500;
const maxWrites = 200;
const buckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2200, 5500];

/**
 * @param lease of this process; null where it has none
 * @param isOwn whether a row of the registry is this process, which is told directly
 */
export function createDocumentWriter(options: {
  clock: Clock;
  steps: WriteSteps;
  lease: Pick<Lease, 'apply' | 'releaseOwn' | 'disown'> | null;
  /** L of this process, or what it takes for one: a write is given up where it needs much longer than the longest lease. */
  leaseMs: number;
  registry: Registry;
  process: string;
  isOwn: (instance: string) => boolean;
  errors: WriteErrors;
}): DocumentWriter {
  const { clock, steps, lease, registry, errors } = options;
  const rounds = new Map<string, { acks: Map<string, number>; wake: () => void; isOver: boolean }>();
  const counts = { writes: 0, aborted: 0, unknown: 0 };
  /** Writes by the bucket of their wait; the last is for what no bucket holds. */
  const waits = [...buckets, Number.POSITIVE_INFINITY].map((le) => ({ le, writes: 0 }));
  const time = () => clock.wall();

  /** W3: every instance of W2 has applied the block, or cannot hold a lease from before it any more. */
  async function waitForReaders(token: string, look: RegistryLook, armedAt: number): Promise<void> {
    const round = rounds.get(token);
    const longest = margin * Math.max(0, ...look.instances.map(({ leaseMs }) => leaseMs));
    for (;;) {
      if (round?.isOver) throw errors.unavailable();
      const now = clock.now();
      const settlesIn = registry.settlesIn(look.pair);
      if (settlesIn === undefined) throw errors.unavailable();
      let passAt = now + settlesIn;
      for (const instance of look.instances) {
        if (options.isOwn(instance.id) || round?.acks.has(instance.id)) continue;
        const since = registry.standsSince(look.pair, instance) ?? armedAt;
        passAt = Math.max(passAt, Math.min(since, armedAt) + longest);
      }
      if (passAt <= now) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(passAt - now, resolve);
        if (round) {
          round.wake = () => {
            cancel();
            resolve();
          };
        }
      });
    }
  }

  async function run<T>(
    token: string,
    plan: Plan<T>,
    progress: { isGivenUp: boolean; mayHaveWritten: boolean; allow(longestLeaseMs: number): void },
    { isBulk, isPlanArming, install, store }: WriteOptions & WriteEffects,
  ): Promise<{ value: T; trace: WriteTrace }> {
    const startedAt = time();
    let mayStand = isPlanArming === true;
    let keys: string[];
    let drop: (() => void) | undefined;
    let done: Commit<T>;
    let armedTime: number;
    let passed: { at: number; ackWaitMs: number };
    try {
      const planned = await plan({ token, writer: options.process });
      progress.mayHaveWritten = false;
      if ('refused' in planned) {
        mayStand = false;
        throw planned.refused;
      }
      drop = planned.drop;
      if (progress.isGivenUp) throw errors.unavailable();
      keys = [...new Set(planned.keys)];
      mayStand = true;
      // W1
      const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));
      const armedAt = clock.now();
      armedTime = time();
      // The instance in this process is told without a notice, and not before the blocks are committed: what is applied earlier, a renewal may
      // find missing in what it reads.
      lease?.apply(token, keys, true);
      // W2
      const look = planned.armed?.look ?? (await steps.registry());
      registry.observe(look);
      const settlesIn = registry.settlesIn(pair);
      if (look.pair !== pair || settlesIn === undefined) throw errors.unavailable();
      const longestLeaseMs = Math.max(options.leaseMs, ...look.instances.map(({ leaseMs }) => leaseMs));
      // Longer than a hung instance would be waited for, this is not sat out.
      if (!isBulk && settlesIn > margin * longestLeaseMs) {
        const seconds = Math.ceil(settlesIn / 1000);
        throw errors.busy(`The database has just been started: prices can be changed in ${seconds} s`, seconds);
      }
      progress.allow(longestLeaseMs);
      const passing = async () => {
        // W3
        await waitForReaders(token, look, armedAt);
        const at = time();
        if (progress.isGivenUp) throw errors.unavailable();
        progress.mayHaveWritten = true;
        return { at, ackWaitMs: clock.now() - armedAt };
      };
      const readers = passing();
      // Where the transaction has failed, nobody asks any more.
      readers.catch(() => {});
      // W4
      drop = undefined;
      done = await planned.commit({ token, keyCount: keys.length, pair, readers });
      passed = await readers;
    } catch (error) {
      drop?.();
      if (mayStand) {
        counts.aborted += 1;
        void abort(token);
      }
      throw error;
    }
    // W7
    if (!done.isKnown) await findOutcome(token);
    const committedAt = time();
    // W5
    if (lease?.releaseOwn(token)) for (const document of done.documents) install(document, keys);
    // What fails there costs loads, and no write.
    const storing = store(done.documents).catch(() => {});
    // Nobody waits for a bulk write, which may make more than Redis takes at once.
    if (isBulk) await storing;
    const acks = [...(rounds.get(token)?.acks ?? [])].map(([instance, at]) => ({ instance, at }));
    const { ackWaitMs } = passed;
    counts.writes += 1;
    const bucket = waits.find(({ le }) => ackWaitMs <= le);
    if (bucket) bucket.writes += 1;
    // W6
    return { value: done.value, trace: { token, startedAt, armedAt: armedTime, acks, passedAt: passed.at, committedAt, ackWaitMs } };
  }

  /** Nothing was committed: the keys are free again. Where the database cannot be told, the reaper will do it. */
  async function abort(token: string): Promise<void> {
    try {
      await steps.release(token);
      lease?.releaseOwn(token);
    } catch {
      // Blocked until a renewal finds the blocks gone.
      lease?.disown(token);
    }
  }

  /** W7: present means committed; absent means that it never will be. */
  async function findOutcome(token: string): Promise<void> {
    counts.unknown += 1;
    let isCommitted: boolean;
    try {
      isCommitted = await steps.findOutcome(token);
    } catch {
      lease?.disown(token);
      throw errors.unknown();
    }
    if (isCommitted) return;
    lease?.releaseOwn(token);
    throw errors.unavailable();
  }

  return {
    async write(plan, after) {
      if (rounds.size >= maxWrites) throw errors.busy('Too many changes are under way: try again');
      const token = randomUUID();
      const round = { acks: new Map<string, number>(), wake: () => {}, isOver: false };
      rounds.set(token, round);
      const startedAt = clock.now() - (after.spentMs ?? 0);
      let giveUp = () => {};
      let cancel = () => {};
      const progress = {
        isGivenUp: false,
        mayHaveWritten: after.isPlanAWrite === true,
        allow(longestLeaseMs: number) {
          cancel();
          if (!after.isBulk) cancel = clock.after(startedAt + margin * longestLeaseMs + workMs - clock.now(), () => giveUp());
        },
      };
      progress.allow(options.leaseMs);
      const late = new Promise<never>((_, reject) => {
        giveUp = () => {
          progress.isGivenUp = true;
          reject(progress.mayHaveWritten ? errors.unknown() : errors.unavailable());
        };
      });
      const work = run(token, plan, progress, after).finally(() => {
        cancel();
        rounds.delete(token);
        // Where the transaction has ended without them, nobody waits for readers any more.
        round.isOver = true;
        round.wake();
      });
      return after.isBulk ? work : Promise.race([work, late]);
    },

    acked(token, instance) {
      const round = rounds.get(token);
      if (!round || round.acks.has(instance)) return;
      round.acks.set(instance, time());
      round.wake();
    },

    counts: () => ({
      ackWaitMs: Object.fromEntries(waits.map(({ le, writes }) => [le === Number.POSITIVE_INFINITY ? '+Inf' : le, writes])),
      ...counts,
    }),
  };
}
