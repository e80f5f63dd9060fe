import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLease, type Lease } from '../../src/cache/lease.js';
import { createLeaseKeeper, type LeaseKeeper } from '../../src/cache/lease-keeper.js';
import { createRegistry, maxLeaseMs, type Registry, settleMs } from '../../src/cache/registry.js';
import { createFakeClock, type FakeClock, turns } from './fake-clock.js';
import { createFakePrimary, type FakePrimary } from './fake-primary.js';
import { leaseMs } from './held-lease.js';

const beatMs = leaseMs / 4;
const reapMs = Math.max(6000, 3 * leaseMs);
const key = 'id:lamp';

let clock: FakeClock;
let primary: FakePrimary;
let registry: Registry;
let lease: Lease;
let keeper: LeaseKeeper;
let acks: string[];
let faults: string[];

beforeEach(() => {
  clock = createFakeClock();
  primary = createFakePrimary();
  registry = createRegistry(clock);
  acks = [];
  faults = [];
  lease = createLease({ clock, leaseMs, forget: () => {} });
  keeper = open(lease);
});
afterEach(async () => {
  primary.before = () => {};
  const closed = keeper.close();
  await clock.pass(0);
  await closed;
});

function open(of: Lease | null, process = 'this process') {
  return createLeaseKeeper({
    ...{ clock, lease: of, leaseMs, registry, process, open: primary.open },
    onAck: (token, instance) => acks.push(`${token} by ${instance}`),
    onFault: ({ message }) => faults.push(message),
  });
}

/** Holds the calls of this name until the returned function is called. */
function hold(name: string): () => Promise<void> {
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  primary.before = (call) => (call === name ? held : undefined);
  return async () => {
    primary.before = () => {};
    goOn();
    await turns();
  };
}
const failing = (...names: string[]) => {
  primary.before = (call) => {
    if (names.includes(call)) throw new Error(`${call} failed`);
  };
};
const rowOf = (id: string | null) => primary.instances.get(id ?? '');
const instance = () => keeper.state().instance;
const callsSince = (from: number) => primary.calls.slice(from);

describe('the start', () => {
  it('joins, beats and looks, in this order, and is over with the first renewal', async () => {
    await keeper.start();
    expect(primary.calls).toEqual(['open', 'join', 'beat', 'look']);
    expect(lease.isHeld()).toBe(true);
    expect(keeper.state()).toMatchObject({ isConnected: true, renewals: 1, joins: 1, fault: null });
    expect(rowOf(instance())).toEqual({ beat: 1, leaseMs });
  });

  it('never beats before the join is committed (J2 before J3)', async () => {
    const goOn = hold('join');
    const started = keeper.start();
    await clock.pass(0);
    expect(primary.calls).toEqual(['open']);
    expect(lease.isHeld()).toBe(false);
    await goOn();
    await started;
    expect(lease.isHeld()).toBe(true);
  });

  it('is over after a second without a renewal, and goes on trying', async () => {
    failing('open');
    const started = keeper.start();
    await clock.pass(1000);
    await started;
    expect(keeper.state()).toMatchObject({ isConnected: false, renewals: 0, fault: 'open failed' });
    expect(lease.isHeld()).toBe(false);
    primary.before = () => {};
    await clock.pass(2000);
    expect(keeper.state()).toMatchObject({ isConnected: true, fault: null });
    expect(lease.isHeld()).toBe(true);
  });

  it('without a lease only looks: no row of the registry, no beat', async () => {
    const observer = open(null, 'an observer');
    await observer.start();
    await clock.pass(2 * beatMs);
    expect(new Set(primary.calls)).toEqual(new Set(['open', 'look']));
    expect(primary.instances.size).toBe(0);
    expect(registry.settlesIn('first')).toBe(0);
    await observer.close();
  });
});

describe('a renewal', () => {
  beforeEach(() => keeper.start());

  it('comes four times in a lease, with a beat that rises', async () => {
    await clock.pass(leaseMs);
    expect(rowOf(instance())?.beat).toBe(5);
    expect(keeper.state().renewals).toBe(5);
    await clock.pass(20 * leaseMs);
    expect(lease.isHeld()).toBe(true);
  });

  it('never looks before the beat is committed (N2a before N2b)', async () => {
    const from = primary.calls.length;
    const goOn = hold('beat');
    await clock.pass(beatMs);
    expect(callsSince(from)).toEqual([]);
    await goOn();
    expect(callsSince(from)).toEqual(['beat', 'look']);
  });

  it('counts the lease from before the beat was sent (N1)', async () => {
    const goOn = hold('beat');
    await clock.pass(beatMs);
    const sentAt = clock.now();
    await clock.pass(1000);
    await goOn();
    clock.advance(sentAt + leaseMs - clock.now() - 1);
    expect(lease.isHeld()).toBe(true);
    clock.advance(1);
    expect(lease.isHeld()).toBe(false);
  });

  it('applies blocks whose notice was lost and acks them to who wrote, after they stand', async () => {
    primary.isDeaf = true;
    await primary.steps.arm('token', [key], 'another process');
    await turns();
    expect(lease.isBlocked(key)).toBe(false);
    const from = primary.calls.length;
    let wasBlocked = false;
    primary.before = (call) => {
      if (call === 'ack') wasBlocked = lease.isBlocked(key);
    };
    await clock.pass(beatMs);
    expect(callsSince(from)).toEqual(['beat', 'look', 'ack']);
    expect(wasBlocked).toBe(true);
    await clock.pass(beatMs);
    expect(callsSince(from)).toEqual(['beat', 'look', 'ack', 'beat', 'look']);
  });

  it('joins anew, under another id, where the registry has lost the row, and holds nothing by that beat', async () => {
    const before = instance();
    primary.instances.clear();
    const goOn = hold('join');
    await clock.pass(beatMs);
    const granted = keeper.state().renewals;
    await clock.pass(leaseMs);
    expect(lease.isHeld()).toBe(false);
    expect(keeper.state().renewals).toBe(granted);
    await goOn();
    await clock.pass(beatMs);
    expect(instance()).not.toBe(before);
    expect(rowOf(instance())).toBeDefined();
    expect(lease.isHeld()).toBe(true);
    expect(keeper.state().joins).toBe(2);
  });
});

describe('notices', () => {
  beforeEach(() => keeper.start());
  const arm = (token: string, writer = 'another process') => primary.steps.arm(token, [key], writer);

  it('of a block apply it before the ack, and of its release lift it', async () => {
    let wasBlocked = false;
    primary.before = (call) => {
      if (call === 'ack') wasBlocked = lease.isBlocked(key);
    };
    await arm('token');
    await turns();
    expect([wasBlocked, lease.isBlocked(key)]).toEqual([true, true]);
    await primary.steps.release('token');
    await turns();
    expect(lease.isBlocked(key)).toBe(false);
  });

  it('of an ack reach the writer, with the id under which the instance has joined', async () => {
    const writer = open(null, 'a writer');
    await writer.start();
    await arm('token', 'a writer');
    await turns();
    expect(acks).toEqual([`token by ${instance()}`]);
    await writer.close();
  });

  it('of a write of this process are left to it', async () => {
    await arm('token', 'this process');
    await turns();
    expect(lease.isBlocked(key)).toBe(false);
    expect(primary.calls).not.toContain('ack');
  });

  it('without keys, because those were too many, have them fetched, and acked only then', async () => {
    const events = await listen();
    const goOn = hold('keysOf');
    primary.blocks.set('many', { writer: 'another process', keys: [key] });
    events.onArm('many', 'another process', undefined);
    await turns();
    expect([lease.isBlocked(key), primary.calls.includes('ack')]).toEqual([false, false]);
    await goOn();
    expect([lease.isBlocked(key), primary.calls.includes('ack')]).toEqual([true, true]);
  });

  it('without keys of a write that is over by then are neither applied nor acked', async () => {
    const events = await listen();
    events.onArm('over', 'another process', undefined);
    await turns();
    expect(lease.counts().blocks).toBe(0);
    expect(primary.calls).not.toContain('ack');
  });

  /** The events of the keeper's session, by a session of its own. */
  async function listen() {
    await keeper.close();
    let events: Parameters<typeof primary.open>[1] | undefined;
    lease = createLease({ clock, leaseMs, forget: () => {} });
    keeper = createLeaseKeeper({
      ...{ clock, lease, leaseMs, registry, process: 'this process' },
      open: (process, given) => {
        events = given;
        return primary.open(process, given);
      },
      onAck: () => {},
    });
    await keeper.start();
    if (!events) throw new Error('no session was opened');
    return events;
  }
});

describe('a session that ends', () => {
  beforeEach(() => keeper.start());

  it('costs the lease only where none comes in its place in time, under a new id, with the old one taken out', async () => {
    const before = instance();
    const epoch = lease.epoch();
    primary.cut();
    await turns();
    expect(keeper.state()).toMatchObject({ isConnected: false, fault: 'the connection was lost' });
    expect(lease.isHeld()).toBe(true);
    const from = primary.calls.length;
    await clock.pass(200);
    expect(callsSince(from).slice(0, 5)).toEqual(['open', 'join', 'leave', 'beat', 'look']);
    expect(keeper.state()).toMatchObject({ isConnected: true, fault: null });
    expect([...primary.instances.keys()]).toEqual([instance()]);
    expect(instance()).not.toBe(before);
    expect(lease.epoch()).toBe(epoch);
    expect(faults).toEqual(['the connection was lost']);
  });

  it('ends also by a call that fails, and nothing is held beyond the lease', async () => {
    failing('beat');
    await clock.pass(beatMs);
    expect(keeper.state().fault).toBe('beat failed');
    await clock.pass(leaseMs);
    expect(lease.isHeld()).toBe(false);
    primary.before = () => {};
    await clock.pass(2000);
    expect(lease.isHeld()).toBe(true);
  });

  it('ends by an ack that fails: the next look brings the block again', async () => {
    failing('ack');
    await primary.steps.arm('token', [key], 'another process');
    await turns();
    expect(keeper.state().fault).toBe('ack failed');
    expect(lease.isBlocked(key)).toBe(true);
  });

  it('is tried again ever more rarely, up to every two seconds, and quickly again after one that lasted', async () => {
    failing('open');
    primary.cut();
    await turns();
    let opens = 0;
    primary.before = (call) => {
      if (call !== 'open') return;
      opens += 1;
      throw new Error('open failed');
    };
    await clock.pass(100 + 200 + 400 + 800 + 1600);
    expect(opens).toBe(5);
    await clock.pass(2000 * 3);
    expect(opens).toBe(8);
    primary.before = () => {};
    await clock.pass(2000);
    expect(keeper.state().isConnected).toBe(true);
    primary.cut();
    await clock.pass(100);
    expect(keeper.state().isConnected).toBe(true);
  });

  it('leaves its own rows known as its own until they are taken out', async () => {
    const before = instance() ?? '';
    failing('leave');
    primary.cut();
    await clock.pass(200);
    expect(instance()).not.toBe(before);
    expect([before, instance() ?? ''].map(keeper.isOwn)).toEqual([true, true]);
    expect(keeper.isOwn('another')).toBe(false);
  });
});

describe('clearing up', () => {
  beforeEach(() => keeper.start());

  it('reaps blocks that have stood for too long since they were first seen, and no others', async () => {
    await primary.steps.arm('abandoned', [key], 'a writer that died');
    await clock.pass(beatMs + reapMs / 2);
    await primary.steps.arm('younger', ['id:chair'], 'another process');
    await clock.pass(reapMs / 2);
    expect(primary.calls).not.toContain('reap');
    expect(lease.isBlocked(key)).toBe(true);
    await clock.pass(beatMs);
    expect([...primary.blocks.keys()]).toEqual(['younger']);
    expect([lease.isBlocked(key), lease.isBlocked('id:chair')]).toEqual([false, true]);
  });

  it('lets the blocks of a writer stand who waits for a longer lease than its own', async () => {
    primary.instances.set('alive', { beat: 1, leaseMs: 5000 });
    await primary.steps.arm('waiting', [key], 'another process');
    for (let passed = 0; passed < 15_000; passed += beatMs) {
      expect(primary.blocks.has('waiting'), String(passed)).toBe(true);
      primary.instances.set('alive', { beat: 2 + passed, leaseMs: 5000 });
      await clock.pass(beatMs);
    }
    await clock.pass(2 * beatMs);
    expect(primary.blocks.has('waiting')).toBe(false);
  });

  it('takes out instances whose beat has stood still for too long, and leaves those that are alive', async () => {
    primary.instances.set('gone', { beat: 7, leaseMs });
    primary.instances.set('alive', { beat: 1, leaseMs });
    for (let passed = 0; passed < 1.65 * maxLeaseMs; passed += beatMs) {
      expect(primary.instances.has('gone')).toBe(true);
      primary.instances.set('alive', { beat: 2 + passed, leaseMs });
      await clock.pass(beatMs);
    }
    await clock.pass(beatMs);
    expect([...primary.instances.keys()]).toEqual([instance(), 'alive']);
  });

  it('writes down that a life of the database is settled, once it is', async () => {
    primary.isSettled = false;
    primary.pair = 'second';
    await clock.pass(settleMs);
    expect(primary.calls).not.toContain('settle');
    await clock.pass(2 * beatMs);
    expect(primary.isSettled).toBe(true);
    expect(primary.calls.filter((call) => call === 'settle')).toHaveLength(1);
  });

  it('forgets old proofs once a minute', async () => {
    await clock.pass(60_000 - beatMs);
    expect(primary.calls).not.toContain('prune');
    await clock.pass(2 * beatMs);
    expect(primary.calls.filter((call) => call === 'prune')).toHaveLength(1);
  });
});

describe('the end', () => {
  it('gives the lease up, takes the instance out of the registry, and sends nothing any more', async () => {
    await keeper.start();
    await keeper.close();
    expect(lease.isHeld()).toBe(false);
    expect(primary.instances.size).toBe(0);
    const from = primary.calls.length;
    await clock.pass(10 * leaseMs);
    expect(callsSince(from)).toEqual([]);
  });

  it('is not undone by a renewal that was under way', async () => {
    await keeper.start();
    const goOn = hold('look');
    await clock.pass(beatMs);
    const closed = keeper.close();
    await goOn();
    await closed;
    expect(lease.isHeld()).toBe(false);
  });

  it('comes at once where there is no session', async () => {
    failing('open');
    void keeper.start();
    await clock.pass(50);
    await keeper.close();
    expect(keeper.state().isConnected).toBe(false);
  });
});
