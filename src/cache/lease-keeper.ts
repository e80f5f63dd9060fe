import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.js';
import type { Lease } from './lease.js';
import type { Registry } from './registry.js';
import type { Look, OpenSession, Session, SessionEvents } from './truth-ports.js';

/** Keeps a process in touch with the primary: joins, renews, answers blocks, and clears up after those that are gone. */
export interface LeaseKeeper {
  /** Begins, and goes on trying. Resolves with the first renewal, or after `patienceMs` without one; never throws. */
  start(): Promise<void>;
  /** Whether a row of the registry is this process. */
  isOwn(instance: string): boolean;
  state(): KeeperState;
  /** Gives the lease up, takes the instance out of the registry and ends the session. Bounded by the session's own bounds. */
  close(): Promise<void>;
}

export interface KeeperState {
  isConnected: boolean;
  instance: string | null;
  renewals: number;
  joins: number;
  /** Why there is no session, in one line; null while there is one. */
  fault: string | null;
  /** How long the oldest block that stands has been seen to stand, in ms; 0 where none does. */
  oldestBlockMs: number;
}

/** How long a start waits for the first renewal. */
const patienceMs = 1000;
/** A new session is tried after so long, doubled up to the second figure. */
const retryMs = 100;
const retryMaxMs = 2000;
const pruneEveryMs = 60_000;
/** Renewals come at least so often, because whoever looks seldom clears up late. */
const renewWithinMs = 800;

/**
 * @param lease null: no lease is wanted; the process only listens, to learn of acks, of the pair and of what is to be cleared up
 * @param process where acks are sent; one per process, whatever instances it joins as
 */
export function createLeaseKeeper(options: {
  clock: Clock;
  lease: Lease | null;
  leaseMs: number;
  registry: Registry;
  open: OpenSession;
  process: string;
  onAck: (token: string, instance: string) => void;
  onFault?: ((error: Error) => void) | undefined;
}): LeaseKeeper {
  const { clock, lease, leaseMs, registry } = options;
  const own = new Set<string>();
  const blockSince = new Map<string, number>();
  /** Blocks that were applied and not acked yet, with who waits for that. */
  const owed = new Map<string, string>();
  const state: KeeperState = { isConnected: false, instance: null, renewals: 0, joins: 0, fault: 'not connected yet', oldestBlockMs: 0 };
  let beat = 0;
  let prunedAt = clock.now();
  let session: Session | undefined;
  let isClosed = false;
  let wake = () => {};
  let onFirst = () => {};
  let running: Promise<void> = Promise.resolve();

  function sleep(ms: number): Promise<void> {
    if (isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.after(Math.max(0, ms), resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async function run() {
    let retryIn = retryMs;
    while (!isClosed) {
      const attempt: { ended: Error | null } = { ended: null };
      try {
        // J1
        session = await options.open(
          options.process,
          eventsOf(attempt, () => session),
        );
        Object.assign(state, { isConnected: true, fault: null });
        await keep(session, attempt, () => {
          retryIn = retryMs;
        });
      } catch (error) {
        attempt.ended ??= error as Error;
      }
      session?.close();
      session = undefined;
      Object.assign(state, { isConnected: false, fault: attempt.ended?.message ?? null });
      if (isClosed) return;
      if (attempt.ended) options.onFault?.(attempt.ended);
      await sleep(retryIn);
      retryIn = Math.min(2 * retryIn, retryMaxMs);
    }
  }

  /** Joins and renews until the session ends. */
  async function keep(held: Session, attempt: { ended: Error | null }, onRenewed: () => void) {
    while (!isClosed && !attempt.ended) {
      const instance = lease ? await join(held) : null;
      let isListed = true;
      while (!isClosed && !attempt.ended && isListed) {
        const startedAt = clock.now();
        isListed = await renew(held, instance);
        if (isListed) onRenewed();
        await sleep(Math.min(leaseMs / 4, renewWithinMs) - (clock.now() - startedAt));
      }
    }
  }

  /** J2: the row is there, and stays, before the first renewal. An instance joins under a new id each time. */
  async function join(held: Session): Promise<string> {
    const instance = randomUUID();
    own.add(instance);
    await held.join(instance, leaseMs);
    const before = state.instance;
    state.instance = instance;
    state.joins += 1;
    if (before !== null) {
      await held.leave(before);
      own.delete(before);
    }
    return instance;
  }

  /** J3, N1 to N6. False where the registry does not list the instance any more, which grants nothing. */
  async function renew(held: Session, instance: string | null): Promise<boolean> {
    // N1
    const beginning = lease?.begin();
    if (instance !== null) {
      // N2a
      beat += 1;
      if (!(await held.beat(instance, beat))) return false;
    }
    // N2b: only now, in a statement of its own. Of one snapshot older than the beat, a block armed in between would be missing, while its
    // writer sees the old beat and passes us by.
    const look = await held.look();
    registry.observe(look);
    // N3 to N6
    const applied = lease && beginning ? lease.renewed(beginning, look) : [];
    state.renewals += 1;
    onFirst();
    for (const [token, writer] of owed) applied.push({ token, writer });
    owed.clear();
    if (instance !== null) for (const { token, writer } of applied) await held.ack(writer, token, instance);
    await clearUp(held, look);
    return true;
  }

  async function clearUp(held: Session, look: Look) {
    const now = clock.now();
    // Registry
    for (const { id, beat: seen } of registry.gone()) await held.deleteInstance(id, seen);
    // Reaper
    const standing = new Set(look.blocks.map(({ token }) => token));
    for (const token of blockSince.keys()) if (!standing.has(token)) blockSince.delete(token);
    for (const token of standing) if (!blockSince.has(token)) blockSince.set(token, now);
    // Longer than any write waits for its readers, whatever leases the others have.
    const reapMs = Math.max(6000, 3 * leaseMs, ...look.instances.map((one) => 3 * one.leaseMs));
    const overdue = [...blockSince].filter(([, since]) => now - since > reapMs).map(([token]) => token);
    if (overdue.length > 0) await held.reap(overdue);
    const pair = registry.toSettle();
    if (pair !== undefined) await held.settle(pair);
    if (now - prunedAt < pruneEveryMs) return;
    prunedAt = now;
    await held.prune();
  }

  function eventsOf(attempt: { ended: Error | null }, current: () => Session | undefined): SessionEvents {
    /** Apply, and only then the ack: it says that the block stands here, which is a fact from then on. */
    async function arm(token: string, writer: string, given: string[] | undefined) {
      if (!lease || writer === options.process) return;
      const held = current();
      const keys = given ?? (await held?.keysOf(token)) ?? [];
      if (keys.length === 0) return;
      lease.apply(token, keys);
      // While it joins, an instance has nothing to sign the ack with. It is owed then, until the next renewal.
      if (!held || state.instance === null) owed.set(token, writer);
      if (held && state.instance !== null) await held.ack(writer, token, state.instance);
    }
    return {
      onArm: (token, writer, keys) => {
        arm(token, writer, keys).catch((error: Error) => {
          attempt.ended ??= error;
          wake();
        });
      },
      onRelease: (token) => lease?.release(token),
      onAck: options.onAck,
      onEnd: (error) => {
        attempt.ended ??= error;
        wake();
      },
    };
  }

  return {
    start() {
      return new Promise((resolve) => {
        const cancel = clock.after(patienceMs, resolve);
        onFirst = () => {
          cancel();
          resolve();
        };
        running = run();
      });
    },
    isOwn: (instance) => own.has(instance),
    state: () => ({ ...state, oldestBlockMs: clock.now() - Math.min(clock.now(), ...blockSince.values()) }),
    async close() {
      isClosed = true;
      lease?.drop();
      wake();
      // A join that is under way is before this in the session's line.
      for (const id of own) await session?.leave(id).catch(() => {});
      session?.close();
      await running;
    },
  };
}
