import type { Cache } from '../../src/cache/cache.js';
import type { DocumentBody } from '../../src/cache/document-bodies.js';
import type { WriteRow } from '../../src/cache/policies.js';
import type { Armed, Look, OpenSession, RegistryLook, Session, SessionEvents, WriteSteps } from '../../src/cache/truth-ports.js';

/**
 * What the price protocol needs of Postgres, kept in this process: one history of blocks, instances and proofs, notices that arrive in the
 * next turn or not at all, and a record of what was asked.
 */
export interface FakePrimary {
  open: OpenSession;
  steps: WriteSteps;
  pair: string;
  isSettled: boolean;
  readonly blocks: Map<string, { writer: string; keys: readonly string[] }>;
  readonly instances: Map<string, { beat: number; leaseMs: number }>;
  /** Tokens of committed writes. */
  readonly proofs: Set<string>;
  /** Every call by its name, in the order in which they took effect. */
  readonly calls: string[];
  /** Runs before a call takes effect: to hold it, or to have it fail. */
  before(call: string): Promise<void> | void;
  isDeaf: boolean;
  /** `begin_write` and `end_write`. Throws where the write was ended by somebody else, or the database is another. */
  commit(armed: Armed): void;
  /** Ends every session, as a restart does. */
  cut(error?: Error): void;
  /** A write of one document through a cache, from arming to the answer. */
  write(cache: Cache, document: DocumentBody, options?: WriteOf): Promise<void>;
}

export interface WriteOf {
  row?: WriteRow;
  /** Those of the document where left out. */
  keys?: readonly string[];
  /** Where reads find it from the commit on. */
  source?: { commit(document: DocumentBody): DocumentBody };
  /** Between the commit and its answer. */
  afterCommit?: () => Promise<void>;
}

export function createFakePrimary(): FakePrimary {
  const sessions = new Map<object, { process: string; events: SessionEvents }>();

  async function call<T>(name: string, effect: () => T): Promise<T> {
    await primary.before(name);
    primary.calls.push(name);
    return effect();
  }
  function tell(say: (events: SessionEvents) => void, process?: string) {
    if (primary.isDeaf) return;
    for (const session of sessions.values()) if (process === undefined || session.process === process) queueMicrotask(() => say(session.events));
  }
  function release(token: string) {
    primary.blocks.delete(token);
    tell((events) => events.onRelease(token));
  }
  const registry = (): RegistryLook => ({
    pair: primary.pair,
    isSettled: primary.isSettled,
    instances: [...primary.instances].map(([id, row]) => ({ id, ...row })),
  });
  const blocks = () => [...primary.blocks].map(([token, { writer, keys }]) => ({ token, writer, keys: [...keys] }));

  function createSession(key: object): Session {
    return {
      join: (id, leaseMs) => call('join', () => void primary.instances.set(id, { beat: 0, leaseMs })),
      leave: (id) => call('leave', () => void primary.instances.delete(id)),
      beat: (id, beat) =>
        call('beat', () => {
          const row = primary.instances.get(id);
          if (row) row.beat = beat;
          return row !== undefined;
        }),
      look: () => call('look', (): Look => ({ ...registry(), blocks: blocks() })),
      keysOf: (token) => call('keysOf', () => [...(primary.blocks.get(token)?.keys ?? [])]),
      ack: (writer, token, instance) => call('ack', () => tell((events) => events.onAck(token, instance), writer)),
      deleteInstance: (id, beat) => call('deleteInstance', () => void (primary.instances.get(id)?.beat === beat && primary.instances.delete(id))),
      reap: (tokens) => call('reap', () => tokens.forEach(release)),
      settle: (pair) =>
        call('settle', () => {
          primary.isSettled ||= pair === primary.pair;
        }),
      prune: () => call('prune', () => {}),
      close: () => void sessions.delete(key),
    };
  }

  const primary: FakePrimary = {
    pair: 'first',
    isSettled: true,
    blocks: new Map(),
    instances: new Map(),
    proofs: new Set(),
    calls: [],
    isDeaf: false,
    before: () => {},
    open: (process, events) =>
      call('open', () => {
        const key = {};
        sessions.set(key, { process, events });
        return createSession(key);
      }),
    steps: {
      arm: (token, keys, writer) =>
        call('arm', () => {
          primary.blocks.set(token, { writer, keys });
          tell((events) => events.onArm(token, writer, [...keys]));
          return primary.pair;
        }),
      registry: () => call('registry', registry),
      release: (token) => call('release', () => release(token)),
      findOutcome: (token) =>
        call('findOutcome', () => {
          release(token);
          return primary.proofs.has(token);
        }),
    },
    commit({ token, keyCount, pair }) {
      primary.calls.push('commit');
      if (primary.blocks.get(token)?.keys.length !== keyCount || pair !== primary.pair) throw new Error('the write was ended');
      primary.proofs.add(token);
      release(token);
    },
    cut(error = new Error('the connection was lost')) {
      const lost = [...sessions.values()];
      sessions.clear();
      for (const { events } of lost) events.onEnd(error);
    },
    async write(cache, document, { row = 'adminPrice', keys, source, afterCommit } = {}) {
      await cache.write(row, async () => ({
        keys: keys ?? [`id:${document.id}`, `slug:${document.slug}`],
        async commit(armed) {
          await armed.readers;
          primary.commit(armed);
          source?.commit(document);
          await afterCommit?.();
          return { value: null, documents: [document], isKnown: true };
        },
      }));
    },
  };
  return primary;
}
