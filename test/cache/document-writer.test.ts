import { beforeEach, describe, expect, it } from 'vitest';
import type { DocumentBody } from '../../src/cache/document-bodies.js';
import type { Commit, WriteOptions } from '../../src/cache/document-write.js';
import { createDocumentWriter, type DocumentWriter } from '../../src/cache/document-writer.js';
import type { Lease } from '../../src/cache/lease.js';
import { createRegistry, type Registry, settleMs } from '../../src/cache/registry.js';
import type { Armed } from '../../src/cache/truth-ports.js';
import { createFakeClock, type FakeClock, turns } from './fake-clock.js';
import { createFakePrimary, type FakePrimary } from './fake-primary.js';
import { createHeldLease, leaseMs, renew } from './held-lease.js';
import { documentAt, productId } from './held-source.js';

const keys = [`id:${productId}`, 'slug:lamp'];
/** The wait for one lease, with the margin for two clocks. */
const waitMs = 1.1 * leaseMs;
const giveUpMs = waitMs + 500;

let clock: FakeClock;
let primary: FakePrimary;
let registry: Registry;
let lease: Lease;
let writer: DocumentWriter;
let installed: DocumentBody[];
let stored: DocumentBody[];

beforeEach(() => {
  clock = createFakeClock();
  primary = createFakePrimary();
  registry = createRegistry(clock);
  lease = createHeldLease(clock);
  installed = [];
  stored = [];
  writer = createDocumentWriter({
    ...{ clock, lease, leaseMs, registry, process: 'this process', steps: primary.steps },
    isOwn: (instance) => instance === 'own',
    errors: {
      unavailable: () => new Error('nothing was written'),
      busy: (message) => new Error(`busy: ${message}`),
      unknown: () => new Error('the write may stand'),
    },
  });
});

const document = documentAt(2, 200);
const done = (isKnown = true): Commit<string> => ({ value: 'done', documents: [document], isKnown });
async function committing(armed: Armed): Promise<Commit<string>> {
  primary.commit(armed);
  return done();
}

const planned =
  (commit: (armed: Armed) => Promise<Commit<string>>, of: readonly string[] = keys) =>
  async () => ({
    keys: of,
    async commit(armed: Armed) {
      await armed.readers;
      return commit(armed);
    },
  });

/** A write that has begun, and whether it has ended. */
function write(commit: (armed: Armed) => Promise<Commit<string>> = committing, options: WriteOptions & { of?: readonly string[] } = {}) {
  const state = { isOver: false, ended: Promise.resolve('') };
  const work = writer.write(planned(commit, options.of), {
    ...options,
    install: (made) => void installed.push(made),
    store: async (made) => void stored.push(...made),
  });
  state.ended = work.then(
    ({ value }) => value,
    ({ message }: Error) => message,
  );
  void state.ended.then(() => {
    state.isOver = true;
  });
  return state;
}

const token = () => [...primary.blocks.keys()][0] ?? 'no block stands';
const list = (id: string, beat = 1, of = leaseMs) => primary.instances.set(id, { beat, leaseMs: of });
/** A look at the registry, as each renewal takes one. */
const look = () =>
  registry.observe({ pair: primary.pair, isSettled: primary.isSettled, instances: [...primary.instances].map(([id, row]) => ({ id, ...row })) });
const isCommitted = () => primary.calls.includes('commit');

describe('a write', () => {
  it('arms, looks at the registry and commits, in this order, and then stores the document and hits it', async () => {
    expect(await write().ended).toBe('done');
    expect(primary.calls).toEqual(['arm', 'registry', 'commit']);
    expect([installed, stored]).toEqual([[document], [document]]);
    expect(lease.counts()).toMatchObject({ blocks: 0, blockedKeys: 0 });
  });

  it('names every key once, and to the transaction how many there are', async () => {
    let armed: Armed | undefined;
    await write(
      async (given) => {
        armed = given;
        expect(primary.blocks.get(given.token)).toEqual({ writer: 'this process', keys });
        return done();
      },
      { of: [...keys, ...keys] },
    ).ended;
    expect(armed).toMatchObject({ keyCount: 2, pair: 'first' });
  });

  it('blocks its keys in this process between the arming and the look at the registry, until it has its answer', async () => {
    const seen: [string, boolean][] = [];
    primary.before = (call) => void seen.push([call, lease.isBlocked('slug:lamp')]);
    await write(async (armed) => {
      primary.commit(armed);
      seen.push(['commit', lease.isBlocked('slug:lamp')]);
      return done();
    }).ended;
    expect(seen).toEqual([
      ['arm', false],
      ['registry', true],
      ['commit', true],
    ]);
    expect(lease.isBlocked('slug:lamp')).toBe(false);
  });

  it('hits its document also where a renewal comes between the commit and its answer', async () => {
    await write(async (armed) => {
      primary.commit(armed);
      renew(lease);
      return done();
    }).ended;
    expect(installed).toEqual([document]);
  });

  it('leaves memory alone where another write has touched the key', async () => {
    await write(async (armed) => {
      lease.apply('rival', ['slug:lamp']);
      primary.commit(armed);
      return done();
    }).ended;
    expect([installed, stored]).toEqual([[], [document]]);
  });

  it.each([
    ['a bulk write', true, false],
    ['any other', false, true],
  ])('is acknowledged when Redis has been sent its document, and where it is %s (%s) when that has it', async (_, isBulk, isOverBefore) => {
    let finish = () => {};
    const work = writer.write(planned(committing), {
      isBulk,
      install: () => {},
      store: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    let isOver = false;
    void work.then(() => {
      isOver = true;
    });
    await turns();
    expect([isCommitted(), isOver]).toEqual([true, isOverBefore]);
    finish();
    expect((await work).value).toBe('done');
  });

  it('may begin its transaction before the readers have answered, which then waits for them', async () => {
    list('other');
    const seen: string[] = [];
    const work = writer.write(
      async () => ({
        keys,
        async commit(armed) {
          seen.push('begun');
          await armed.readers;
          seen.push('passed');
          primary.commit(armed);
          return done();
        },
      }),
      { install: () => {}, store: async () => {} },
    );
    await turns();
    expect([seen, isCommitted()]).toEqual([['begun'], false]);
    writer.acked(token(), 'other');
    expect((await work).value).toBe('done');
    expect(seen).toEqual(['begun', 'passed']);
  });

  it('that its plan has armed arms nothing more, and waits and blocks as any other', async () => {
    list('other');
    let isBlocked: boolean | undefined;
    const work = writer.write(
      async ({ token: made, writer: process }) => {
        const pair = await primary.steps.arm(made, keys, process);
        return {
          keys,
          armed: { pair, look: await primary.steps.registry() },
          async commit(armed) {
            isBlocked = lease.isBlocked('slug:lamp');
            await armed.readers;
            primary.commit(armed);
            return done();
          },
        };
      },
      { isPlanArming: true, install: () => {}, store: async () => {} },
    );
    await turns();
    expect([primary.calls, isBlocked, isCommitted()]).toEqual([['arm', 'registry'], true, false]);
    writer.acked(token(), 'other');
    expect((await work).value).toBe('done');
    expect(primary.calls).toEqual(['arm', 'registry', 'commit']);
  });

  it('takes its blocks away where a plan that arms has failed, and leaves everything alone where that has refused', async () => {
    const effects = { isPlanArming: true, install: () => {}, store: async () => {} };
    const broken = writer.write(async ({ token: made, writer: process }) => {
      await primary.steps.arm(made, keys, process);
      throw new Error('the answer was lost');
    }, effects);
    await expect(broken).rejects.toThrow('the answer was lost');
    await turns();
    expect([primary.calls, primary.blocks.size, writer.counts().aborted]).toEqual([['arm', 'release'], 0, 1]);
    const refused = writer.write(async () => ({ refused: new Error('nothing to change') }), effects);
    await expect(refused).rejects.toThrow('nothing to change');
    await turns();
    expect([primary.calls, writer.counts().aborted]).toEqual([['arm', 'release'], 1]);
  });

  describe('that its plan has begun already', () => {
    const called: string[] = [];
    beforeEach(() => {
      called.length = 0;
    });
    /** As the plan of a price change is, with W1, W2 and the beginning of W4 behind it. */
    async function begun(commit: () => Promise<Commit<string>>, pairOfLook?: string) {
      const work = writer.write(
        async (round) => {
          const pair = await primary.steps.arm(round.token, keys, round.writer);
          const seen = await primary.steps.registry();
          return {
            keys,
            armed: { pair, look: pairOfLook === undefined ? seen : { ...seen, pair: pairOfLook } },
            commit: () => {
              called.push('commit');
              return commit();
            },
            drop: () => void called.push('drop'),
          };
        },
        { isPlanArming: true, install: () => {}, store: async () => {} },
      );
      return work.then(
        ({ value }) => value,
        ({ message }: Error) => message,
      );
    }

    it('is committed, and then is not the writer’s to take back', async () => {
      expect([await begun(async () => done()), called]).toEqual(['done', ['commit']]);
      called.length = 0;
      const failing = async () => {
        throw new Error('failed at the commit');
      };
      expect([await begun(failing), called]).toEqual(['failed at the commit', ['commit']]);
    });

    it('is taken back where it will not be committed: the database was replaced, or has just been started', async () => {
      expect([await begun(async () => done(), 'another'), called]).toEqual(['nothing was written', ['drop']]);
      called.length = 0;
      primary.isSettled = false;
      primary.pair = 'second';
      expect([await begun(async () => done()), called]).toEqual([expect.any(String), ['drop']]);
      expect(primary.calls).not.toContain('commit');
    });
  });

  it('is traced from the arming to the commit, with each ack, by the clock on the wall', async () => {
    list('other');
    const work = writer.write(planned(committing), { install: () => {}, store: async () => {} });
    await clock.pass(30);
    writer.acked(token(), 'other');
    const { trace } = await work;
    const [start, end] = [clock.wall() - 30, clock.wall()];
    expect(trace).toEqual({
      ...{ token: expect.any(String), startedAt: start, armedAt: start, passedAt: end, committedAt: end, ackWaitMs: 30 },
      acks: [{ instance: 'other', at: end }],
    });
    expect(writer.counts()).toMatchObject({ writes: 1, aborted: 0, unknown: 0, ackWaitMs: { 20: 0, 50: 1, 100: 0 } });
  });
});

describe('the wait for the readers', () => {
  it('is over at once where nobody is listed but this process', async () => {
    list('own');
    expect(await write().ended).toBe('done');
  });

  it('is over with the ack of the last instance, and not before', async () => {
    list('one');
    list('two');
    const work = write();
    await clock.pass(10);
    writer.acked(token(), 'one');
    writer.acked(token(), 'one');
    writer.acked('another write', 'two');
    await clock.pass(10);
    expect(isCommitted()).toBe(false);
    writer.acked(token(), 'two');
    expect(await work.ended).toBe('done');
  });

  it('takes an ack that comes before the registry has answered', async () => {
    list('other');
    let answer = () => {};
    primary.before = (call) =>
      call === 'registry'
        ? new Promise((resolve) => {
            answer = resolve;
          })
        : undefined;
    const work = write();
    await turns();
    writer.acked(token(), 'other');
    answer();
    expect(await work.ended).toBe('done');
  });

  it('is over when the longest lease that is listed has run out, with its margin, since the arming', async () => {
    list('hung', 1, 1000);
    list('hung longer', 1, leaseMs);
    const work = write();
    await clock.pass(waitMs - 1);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('is counted from the answer of the arming, not from its beginning', async () => {
    list('hung');
    primary.before = (call) => (call === 'arm' ? new Promise((resolve) => void clock.after(300, resolve)) : undefined);
    const work = write();
    await clock.pass(300 + waitMs - 1);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('does not count an instance whose beat is known to have stood for as long', async () => {
    list('gone');
    look();
    clock.advance(waitMs);
    expect(await write().ended).toBe('done');
  });

  it('takes no more than what is missing of that time', async () => {
    list('hung');
    look();
    clock.advance(waitMs - 300);
    const work = write();
    await clock.pass(299);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('takes the whole time for a beat that has risen since, also where only the registry’s answer shows it', async () => {
    list('alive', 1);
    look();
    clock.advance(waitMs);
    list('alive', 2);
    const work = write();
    await clock.pass(waitMs - 1);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('takes the whole time for a beat that rises while it lasts, whoever else acks meanwhile', async () => {
    list('alive', 1);
    list('prompt', 1);
    look();
    const work = write();
    await clock.pass(100);
    list('alive', 2);
    look();
    writer.acked(token(), 'prompt');
    await clock.pass(waitMs - 101);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('takes the whole time for a beat that stood before the database began another life', async () => {
    list('from before');
    look();
    clock.advance(waitMs);
    primary.pair = 'second';
    const work = write();
    await clock.pass(waitMs - 1);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('is taken in full in a life of the database that is not settled, even where all have acked', async () => {
    primary.isSettled = false;
    list('other');
    look();
    clock.advance(settleMs - 1500);
    const work = write();
    await turns();
    writer.acked(token(), 'other');
    await clock.pass(1499);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('is refused where such a wait would be long, and says how long', async () => {
    primary.isSettled = false;
    expect(await write().ended).toMatch(/^busy: .* in 6 s$/);
    await turns();
    expect([isCommitted(), primary.blocks.size, lease.counts().blocks]).toEqual([false, 0, 0]);
  });

  it('is taken in full all the same by a write of many products', async () => {
    primary.isSettled = false;
    const work = write(committing, { isBulk: true });
    await clock.pass(settleMs - 1);
    expect(isCommitted()).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('done');
  });

  it('ends the write where the database begins another life, before the registry is asked or after', async () => {
    primary.before = (call) => {
      if (call === 'registry') primary.pair = 'second';
    };
    expect(await write().ended).toBe('nothing was written');
    primary.before = () => {};
    list('other');
    const waiting = write();
    await turns();
    primary.pair = 'third';
    look();
    writer.acked(token(), 'other');
    expect(await waiting.ended).toBe('nothing was written');
    await turns();
    expect([isCommitted(), primary.blocks.size, lease.counts().blocks]).toEqual([false, 0, 0]);
    expect(writer.counts()).toMatchObject({ writes: 0, aborted: 2 });
  });
});

describe('a write that does not commit', () => {
  it('says why, and frees its keys', async () => {
    const fault = write(() => Promise.reject(new Error('no such variant')));
    expect(await fault.ended).toBe('no such variant');
    await turns();
    expect(primary.calls).toEqual(['arm', 'registry', 'release']);
    expect([installed, stored, lease.counts().blocks]).toEqual([[], [], 0]);
    expect(writer.counts()).toMatchObject({ writes: 0, aborted: 1 });
  });

  it('keeps its keys blocked here where the database cannot be told, until a renewal finds that the blocks are gone', async () => {
    primary.before = (call) => {
      if (call === 'release') throw new Error('the database is away');
    };
    await write(() => Promise.reject(new Error('no such variant'))).ended;
    await turns();
    const [[left, { keys: standing }] = ['', { keys: [] as readonly string[] }]] = primary.blocks;
    renew(lease, [{ token: left, writer: 'this process', keys: [...standing] }]);
    expect(lease.isBlocked('slug:lamp')).toBe(true);
    primary.blocks.clear();
    renew(lease);
    expect(lease.isBlocked('slug:lamp')).toBe(false);
  });
});

describe('a write whose COMMIT got no answer', () => {
  const lost = (isMade: boolean) => async (armed: Armed) => {
    if (isMade) primary.commit(armed);
    return done(false);
  };

  it('is done where the proof is there', async () => {
    expect(await write(lost(true)).ended).toBe('done');
    expect(primary.calls).toContain('findOutcome');
    expect([installed, stored]).toEqual([[document], [document]]);
    expect(writer.counts()).toMatchObject({ writes: 1, unknown: 1 });
  });

  it('was not made where the proof is absent, and its keys are free', async () => {
    expect(await write(lost(false)).ended).toBe('nothing was written');
    expect([installed, stored, primary.blocks.size, lease.counts().blocks]).toEqual([[], [], 0, 0]);
  });

  it('may stand where nobody can say, and its keys stay blocked here', async () => {
    primary.before = (call) => {
      if (call === 'findOutcome') throw new Error('the database is away');
    };
    expect(await write(lost(true)).ended).toBe('the write may stand');
    expect([installed, stored, lease.isBlocked('slug:lamp')]).toEqual([[], [], true]);
    renew(lease);
    expect(lease.isBlocked('slug:lamp')).toBe(false);
  });
});

describe('a write that takes too long', () => {
  const hang = (at: string) => {
    let goOn = () => {};
    primary.before = (call) =>
      call === at
        ? new Promise<void>((resolve) => {
            goOn = resolve;
          })
        : undefined;
    return () => goOn();
  };

  it.each(['arm', 'registry'])('is given up before the commit, and never committed when %s answers at last', async (at) => {
    const goOn = hang(at);
    const work = write();
    await clock.pass(giveUpMs - 1);
    expect(work.isOver).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('nothing was written');
    goOn();
    await clock.pass(settleMs);
    expect([isCommitted(), primary.blocks.size, lease.counts().blocks]).toEqual([false, 0, 0]);
  });

  it('has only what earlier attempts have left of the time', async () => {
    hang('registry');
    const work = write(committing, { spentMs: 1000 });
    await clock.pass(giveUpMs - 1001);
    expect(work.isOver).toBe(false);
    await clock.pass(1);
    expect(await work.ended).toBe('nothing was written');
  });

  it.each([
    [true, 'the write may stand'],
    [false, 'nothing was written'],
  ])('that is given up while it plans says what a plan that writes (%s) may have done', async (isPlanAWrite, said) => {
    const work = writer.write<string>(() => new Promise(() => {}), { isPlanAWrite, install: () => {}, store: async () => {} });
    const ended = work.then(
      () => 'done',
      ({ message }: Error) => message,
    );
    await clock.pass(10 * leaseMs);
    expect(await ended).toBe(said);
    expect(primary.calls).toEqual([]);
  });

  it('may stand where it is given up during the commit, which goes on', async () => {
    let goOn = () => {};
    const work = write(async (armed) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return committing(armed);
    });
    await clock.pass(giveUpMs);
    expect(await work.ended).toBe('the write may stand');
    expect(lease.isBlocked('slug:lamp')).toBe(true);
    goOn();
    await turns();
    expect([isCommitted(), stored, lease.isBlocked('slug:lamp')]).toEqual([true, [document], false]);
  });

  it('is given more time where somebody has a longer lease', async () => {
    list('hung', 1, 5000);
    const work = write();
    await clock.pass(1.1 * 5000);
    expect(await work.ended).toBe('done');
  });

  it('is not given up where it is of many products', async () => {
    const goOn = hang('registry');
    const work = write(committing, { isBulk: true });
    await clock.pass(10 * giveUpMs);
    expect(work.isOver).toBe(false);
    goOn();
    expect(await work.ended).toBe('done');
  });
});

describe('writes', () => {
  it('are turned away where too many are under way, and taken again afterwards', async () => {
    const goOn: (() => void)[] = [];
    primary.before = (call) => (call === 'arm' ? new Promise<void>((resolve) => void goOn.push(resolve)) : undefined);
    const many = Array.from({ length: 200 }, () => write());
    expect(await write().ended).toMatch(/^busy: /);
    for (const go of goOn) go();
    await Promise.all(many.map(({ ended }) => ended));
    primary.before = () => {};
    expect(await write().ended).toBe('done');
  });
});
