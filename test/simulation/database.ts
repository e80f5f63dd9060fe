import type { DocumentBody } from '../../src/cache/document-bodies.js';
import type { Look, RegistryLook, SessionEvents } from '../../src/cache/truth-ports.js';
import type { Version } from '../../src/cache/version-lane.js';
import { bodyOf, type History, type Row } from './history.js';
import { createLocks, type Locks } from './locks.js';
import type { Scheduler } from './scheduler.js';
import type { Connection, Wire } from './wire.js';

/**
 * restart: everything that was committed is still there. crash: the postmaster dies, and what had not reached the disk is lost. reinit: one
 * backend dies, and all others with it, under the same postmaster. failover: a standby takes over, which lacks what did not reach it.
 */
export type End = 'restart' | 'crash' | 'reinit' | 'failover';

interface Listener {
  connection: Connection;
  process: string;
  events: SessionEvents;
}

/** Postgres, as far as the protocol uses it: what is committed, what of it is on disk, and who listens. A call sees one moment of it. */
export interface Database {
  readonly locks: Locks;
  readonly blocks: Map<string, { writer: string; keys: string[] }>;
  readonly instances: Map<string, { beat: number; leaseMs: number }>;
  readonly log: Set<string>;
  readonly listeners: Map<Connection, Listener>;
  readonly counts: { ends: number; joins: number; beats: number; reaped: number; fenced: number };
  pair(): string;
  settled: string;
  /** How long a COMMIT takes that waits for the disk. */
  commitMs: () => number;
  product(id: string): Row | undefined;
  ids(): string[];
  owner(slug: string): string | undefined;
  /** Where a slug leads: to whom it belongs, or to whom it belonged last. */
  find(slug: string): string | undefined;
  versions(lookups: readonly string[]): Map<string, Version>;
  documents(ids: readonly string[]): Map<string, DocumentBody>;
  registry(): RegistryLook;
  look(): Look;
  /** Commits: `apply` changes the maps above and returns what undoes that. Not durable: on disk a little later. */
  commit(isDurable: boolean, apply: () => () => void): void;
  put(row: Row, write: number): () => void;
  notify(to: (listener: Listener) => boolean, op: string, tell: (events: SessionEvents) => void): void;
  released(token: string): void;
  /** From now on nothing reaches the standby. */
  detachStandby(): void;
  end(how: End, downMs: number): void;
}

export function createDatabase(options: {
  scheduler: Scheduler;
  wire: Wire;
  history: History;
  flushMs: () => number;
  commitMs: () => number;
}): Database {
  const { scheduler, wire, history } = options;
  const products = new Map<string, Row>();
  const owners = new Map<string, string>();
  const former = new Map<string, string>();
  const blocks: Database['blocks'] = new Map();
  const instances: Database['instances'] = new Map();
  const log: Database['log'] = new Set();
  const listeners: Database['listeners'] = new Map();
  const locks = createLocks(scheduler);
  const counts = { ends: 0, joins: 0, beats: 0, reaped: 0, fenced: 0 };
  /** What is committed and not on disk, or, with the standby detached, not there. */
  let tail: { undo: () => void; isOnDisk: boolean }[] = [];
  let isDetached = false;
  let timeline = 1;
  let startedAt = 1;
  let life = 0;

  const pair = () => `${timeline}/${startedAt}`;
  const find = (slug: string) => owners.get(slug) ?? former.get(slug);

  function flush() {
    if (!isDetached) tail = [];
    else for (const entry of tail) entry.isOnDisk = true;
  }

  function toVersion({ id, slug, version, token }: Row): Version {
    return { id, slug, version, token };
  }

  const database: Database = {
    locks,
    blocks,
    instances,
    log,
    listeners,
    counts,
    pair,
    find,
    settled: '1/1',
    commitMs: options.commitMs,
    product: (id) => products.get(id),
    ids: () => [...products.keys()],
    owner: (slug) => owners.get(slug),
    versions(lookups) {
      const found = new Map<string, Version>();
      for (const lookup of lookups) {
        const id = lookup.startsWith('id:') ? lookup.slice(3) : find(lookup.slice(5));
        const row = id === undefined ? undefined : products.get(id);
        if (row) found.set(lookup, toVersion(row));
      }
      return found;
    },
    documents(ids) {
      const found = new Map<string, DocumentBody>();
      for (const id of ids) {
        const row = products.get(id);
        if (row) found.set(id, { json: bodyOf(row), ...toVersion(row) });
      }
      return found;
    },
    registry: () => ({
      pair: pair(),
      isSettled: database.settled === pair(),
      instances: [...instances].map(([id, { beat, leaseMs }]) => ({ id, beat, leaseMs })),
    }),
    look: () => ({
      blocks: [...blocks].map(([token, { writer, keys }]) => ({ token, writer, keys: [...keys] })),
      ...database.registry(),
    }),
    commit(isDurable, apply) {
      tail.push({ undo: apply(), isOnDisk: false });
      if (isDurable) flush();
      else {
        const current = life;
        scheduler.after(options.flushMs(), () => current === life && flush());
      }
    },
    put(row, write) {
      const before = products.get(row.id);
      products.set(row.id, row);
      if (before?.slug !== row.slug) {
        if (before) {
          owners.delete(before.slug);
          former.set(before.slug, row.id);
        }
        former.delete(row.slug);
        owners.set(row.slug, row.id);
        history.leads(row.slug, row.id);
      }
      history.committed(row, write);
      return () => {
        throw new Error('a committed price was lost, which the first assumption excludes');
      };
    },
    notify(to, op, tell) {
      for (const listener of listeners.values()) if (to(listener)) wire.notify(listener.connection, op, () => tell(listener.events));
    },
    released: (token) =>
      database.notify(
        () => true,
        'release',
        (events) => events.onRelease(token),
      ),
    detachStandby() {
      isDetached = true;
    },
    end(how, downMs) {
      counts.ends += 1;
      life += 1;
      if (how === 'restart') flush();
      while (tail.length > 0 && (how === 'failover' || !tail.at(-1)?.isOnDisk)) tail.pop()?.undo();
      tail = [];
      isDetached = false;
      if (how !== 'reinit') startedAt += 1;
      if (how === 'failover') timeline += 1;
      locks.clear();
      listeners.clear();
      wire.isUp = false;
      for (const connection of [...wire.open]) wire.reset(connection);
      scheduler.after(downMs, () => {
        if (counts.ends > 0) wire.isUp = true;
      });
    },
  };
  return database;
}
