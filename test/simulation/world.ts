import { randomUUID } from 'node:crypto';
import { type Cache, createCache } from '../../src/cache/cache.js';
import type { Plan, WriteErrors, WriteTrace } from '../../src/cache/document-write.js';
import type { DocumentAnswer } from '../../src/cache/documents.js';
import type { HeldDocument } from '../../src/cache/held-document.js';
import { createDatabase, type Database } from './database.js';
import { createHistory, type History, type Row } from './history.js';
import { createLyingRedis, type LyingRedis } from './lying-redis.js';
import { createMachine, type Machine } from './machine.js';
import { armInOneMessage, createOpen, createSource, createSteps } from './ports.js';
import { createScheduler, type Scheduler } from './scheduler.js';
import { createSeeded, type Seeded } from './seeded.js';
import { type Change, commitWrite } from './transaction.js';
import { createWire, type Fate, type Message, Refused, type Wire } from './wire.js';

/** One process of the service, as `app.ts` wires it, without HTTP. */
export interface Shop {
  readonly machine: Machine;
  readonly cache: Cache;
}

export interface Counts {
  reads: number;
  failedReads: number;
  outcomes: Record<string, number>;
  acked: number;
  refused: number;
  unknown: number;
  /** Times at which a lease was found run out, though the process ran. */
  lapses: number;
  waits: number;
  acks: number;
}

export interface World {
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly database: Database;
  readonly wire: Wire;
  readonly redis: LyingRedis;
  readonly seeded: Seeded;
  readonly counts: Counts;
  readonly trace: string[] | null;
  /** Starts a process. */
  open(name: string, options: { rate: number; leaseMs: number | null }): Shop;
  read(shop: Shop, lookup: string): Promise<string>;
  readMany(shop: Shop, lookups: readonly string[]): Promise<void>;
  /** A hit, or nothing. */
  hit(shop: Shop, slug: string): boolean;
  /** Reads what is to be changed, and changes it. Resolves with what the client is told, or never, if the process dies. */
  write(shop: Shop, change: Omit<Change, 'number'>): Promise<'acked' | 'refused' | 'unknown'>;
  say(line: string): void;
}

class Unknown extends Error {}

const errors: WriteErrors = {
  unavailable: () => new Refused('unavailable'),
  busy: () => new Refused('busy'),
  unknown: () => new Unknown('the write may stand'),
};
const timeout = () => new Refused('unavailable');

/**
 * A database with products and nobody who sells them yet.
 * @param fateOf what becomes of a message
 * @param fitsNotice whether the keys of a block fit into a notice
 */
export function createWorld(options: {
  seed: number;
  products: readonly { id: string; slug: string }[];
  fateOf: (message: Message) => Fate;
  fitsNotice?: () => boolean;
  flushMs?: () => number;
  commitMs?: () => number;
  redisDelayMs?: () => number | null;
  isTraced?: boolean;
}): World {
  const scheduler = createScheduler();
  const seeded = createSeeded(options.seed);
  const history = createHistory();
  const trace: string[] | null = options.isTraced ? [] : null;
  const say = (line: string) => {
    trace?.push(`${scheduler.now().toFixed(2).padStart(10)} ms  ${line}`);
  };
  const fateOf = (message: Message) => {
    const fate = options.fateOf(message);
    if (trace)
      say(
        `${message.machine}: ${message.op} ${message.leg} ${typeof fate === 'function' ? 'held' : fate.length === 0 ? 'lost' : fate.map((ms) => ms.toFixed(1)).join('+')}`,
      );
    return fate;
  };
  const wire = createWire(scheduler, fateOf);
  const database = createDatabase({ scheduler, wire, history, flushMs: options.flushMs ?? (() => 200), commitMs: options.commitMs ?? (() => 0.1) });
  const redis = createLyingRedis(scheduler, seeded.fork());
  const counts: Counts = { reads: 0, failedReads: 0, outcomes: {}, acked: 0, refused: 0, unknown: 0, lapses: 0, waits: 0, acks: 0 };
  let writes = 0;

  for (const { id, slug } of options.products) database.put({ id, slug, version: 1, token: randomUUID(), amount: 0, isActive: true }, 0);

  function judge(shop: Shop, lookup: string, began: number, held: HeldDocument | null, how: string) {
    counts.reads += 1;
    counts.outcomes[how] = (counts.outcomes[how] ?? 0) + 1;
    if (trace) say(`${shop.machine.name}: read ${lookup} -> ${held ? `${held.id} version ${held.version}` : 'nothing'} (${how})`);
    history.read(lookup, began, held, shop.machine.name);
  }

  function answered(shop: Shop, lookup: string, began: number, answer: DocumentAnswer) {
    judge(shop, lookup, began, answer.held, answer.outcome);
    return answer.outcome;
  }

  /** What the service does before a write: it reads whose slugs it will have to block. */
  function keysOf(change: Omit<Change, 'number'>, stands: Row | undefined): string[] {
    if (change.kind === 'sweep') return ['*'];
    return [`id:${change.id}`, ...(stands ? [`slug:${stands.slug}`] : []), ...(change.slug === undefined ? [] : [`slug:${change.slug}`])];
  }

  async function tryWrite(shop: Shop, change: Change): Promise<string> {
    const { machine, cache } = shop;
    const fitsNotice = options.fitsNotice ?? (() => true);
    if (change.isEager) {
      say(`${machine.name}: write ${change.number} begins: ${change.kind} ${change.id}, eager`);
      const plan: Plan<string> = async (round) => {
        const armed = await armInOneMessage({ database, wire, machine }, fitsNotice, round, change.id);
        if (!armed) return { refused: new Refused('not_found') };
        return { commit: (blocked) => commitWrite({ scheduler, database, history, wire }, machine, blocked, change), ...armed };
      };
      return tally(await cache.write('adminPrice', plan, { isPlanArming: true }));
    }
    const connection = wire.connect(machine);
    const stands = await wire.ask<Row | undefined>(connection, 'state', 1000, (answer) => answer(database.product(change.id)));
    wire.free(connection);
    const row =
      change.kind === 'sweep'
        ? 'adminImportStart'
        : change.kind === 'price'
          ? 'adminPrice'
          : change.kind === 'create'
            ? 'adminProductMake'
            : 'adminProductEdit';
    const keys = keysOf(change, stands);
    say(`${machine.name}: write ${change.number} begins: ${change.kind} ${change.id} ${change.slug ?? ''}`);
    const plan: Plan<string> = async () => ({ keys, commit: (armed) => commitWrite({ scheduler, database, history, wire }, machine, armed, change) });
    return tally(await cache.write(row, plan, { isBulk: change.kind === 'sweep' }));
  }

  function tally({ trace: round }: { trace: WriteTrace }): string {
    // Not told by an ack, but by time.
    if (round.ackWaitMs > 50) counts.waits += 1;
    counts.acks += round.acks.length;
    return round.token;
  }

  const world: World = {
    scheduler,
    history,
    database,
    wire,
    redis,
    seeded,
    counts,
    trace,
    say,
    open(name, { rate, leaseMs }) {
      const machine = createMachine(scheduler, name, rate);
      const parts = { database, wire, machine };
      const cache = createCache({
        source: createSource(parts),
        redis: null,
        store: redis.store(machine, options.redisDelayMs ?? (() => 0.2)),
        catalogId: 'catalog',
        memoryBytes: 2 ** 20,
        truth: {
          leaseMs,
          open: createOpen(parts, Math.min(1000, (leaseMs ?? 2000) * 0.45)),
          steps: createSteps(parts, options.fitsNotice ?? (() => true)),
          errors,
          isLost: null,
          onFault: (error) => say(`${name}: session lost: ${error.message}`),
          onStale: ({ lookup, shown, stands }) =>
            history.violated('sampler', `${name} showed ${lookup} at version ${shown.version}, not ${stands?.version}`),
        },
        clock: machine.clock,
        overload: timeout,
        timeout,
      });
      void cache.start();
      say(`${name}: started`);
      return { machine, cache };
    },

    async read(shop, lookup) {
      const began = history.moment();
      try {
        return answered(shop, lookup, began, await shop.cache.documents.read('productDetail', lookup));
      } catch {
        counts.failedReads += 1;
        return 'failed';
      }
    },

    async readMany(shop, lookups) {
      const began = history.moment();
      try {
        const answers = await shop.cache.documents.readMany('productBatch', lookups);
        for (const [lookup, answer] of answers) answered(shop, lookup, began, answer);
      } catch {
        counts.failedReads += 1;
      }
    },

    hit(shop, slug) {
      const began = history.moment();
      const held = shop.cache.documents.hit('productDetail', slug);
      if (held) judge(shop, `slug:${slug}`, began, held, 'memory');
      return held !== undefined;
    },

    async write(shop, wanted) {
      writes += 1;
      const change = { number: writes, ...wanted };
      const began = history.moment();
      try {
        const token = await tryWrite(shop, change);
        counts.acked += 1;
        say(`${shop.machine.name}: write ${change.number} acknowledged`);
        history.acked(change.number, token, began);
        return 'acked';
      } catch (error) {
        const isKnown = !(error instanceof Unknown);
        if (!isKnown) counts.unknown += 1;
        else {
          counts.refused += 1;
          history.refused(change.number);
        }
        say(`${shop.machine.name}: write ${change.number} ${isKnown ? 'refused' : 'unknown'}: ${error instanceof Error ? error.message : error}`);
        return isKnown ? 'refused' : 'unknown';
      }
    },
  };
  return world;
}
