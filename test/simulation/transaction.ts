import type { DocumentBody } from '../../src/cache/document-bodies.js';
import type { Commit } from '../../src/cache/document-write.js';
import type { Armed } from '../../src/cache/truth-ports.js';
import type { Database } from './database.js';
import { bodyOf, type History, type Row } from './history.js';
import type { Machine } from './machine.js';
import type { Scheduler } from './scheduler.js';
import { type Connection, Lost, Refused, type Wire } from './wire.js';

/** What a write does to one product, or a sweep to all of them. `number` is its own, and stands in nothing else. */
export interface Change {
  number: number;
  id: string;
  kind: 'price' | 'rename' | 'create' | 'archive' | 'sweep';
  slug?: string;
  /** Armed by its plan, and begun before the readers have been waited for. */
  isEager?: boolean;
}

const lockMs = 1000;
const idleMs = 1000;
const answerMs = 2000;
/** How long an eager transaction waits for readers. */
const eagerMs = 100;

interface Server {
  beginWrite(token: string, keyCount: number, answer: (value: null) => void, refuse: (error: Error) => void): void;
  change(change: Change, answer: (document: DocumentBody) => void, refuse: (error: Error) => void): void;
  rollback(answer: (value: null) => void): void;
  commit(pair: string, answer: (value: null) => void, refuse: (error: Error) => void): void;
}

/** The server's end of one transaction: W4 as the functions of the migration do it. */
function openTransaction(parts: { scheduler: Scheduler; database: Database; history: History; connection: Connection; wire: Wire }): Server {
  const { scheduler, database, history, connection, wire } = parts;
  const { locks } = database;
  const me = {};
  const rows = new Map<string, Row>();
  let keys: string[] = [];
  let token = '';
  let write = 0;
  let isOver = false;
  let isCommitting = false;
  let stopIdling = () => {};

  function end() {
    isOver = true;
    stopIdling();
    locks.release(me);
  }
  connection.onGone = () => !isOver && !isCommitting && end();

  /** idle_in_transaction_session_timeout: with the transaction, the connection ends. */
  function idle() {
    stopIdling = scheduler.after(idleMs, () => wire.reset(connection));
  }

  function step<T>(answer: (value: T) => void, refuse: (error: Error) => void) {
    stopIdling();
    return {
      answer(value: T) {
        if (isOver) return;
        idle();
        answer(value);
      },
      refuse(code: string) {
        if (isOver) return;
        end();
        refuse(new Refused(code));
      },
    };
  }

  function takeAll(names: readonly string[], got: () => void, late: () => void) {
    const [name, ...rest] = names;
    if (name === undefined) got();
    else locks.take(me, name, lockMs, () => !isOver && takeAll(rest, got, late), late);
  }

  function land() {
    const block = database.blocks.get(token);
    database.commit(true, () => {
      database.blocks.delete(token);
      database.log.add(token);
      const undo = [...rows.values()].map((row) => database.put(row, write));
      return () => {
        for (const back of undo) back();
        if (block) database.blocks.set(token, block);
      };
    });
    database.released(token);
    end();
  }

  return {
    beginWrite(writeToken, keyCount, answer, refuse) {
      const done = step(answer, refuse);
      token = writeToken;
      takeAll([`block ${token}`], fence, () => done.refuse('busy'));

      function fence() {
        keys = database.blocks.get(token)?.keys ?? [];
        if (keys.length !== keyCount) {
          database.counts.fenced += 1;
          done.refuse('ended');
          return;
        }
        const named = keys.includes('*') ? database.ids() : keys.flatMap((key) => (key.startsWith('id:') ? [key.slice(3)] : []));
        const ids = named.filter((id) => database.product(id)).sort();
        takeAll(
          ids.map((id) => `product ${id}`),
          () => bump(ids),
          () => done.refuse('busy'),
        );
      }

      function bump(ids: string[]) {
        for (const id of ids) {
          const row = database.product(id) as Row;
          if (!keys.includes(`slug:${row.slug}`) && !keys.includes('*')) {
            done.refuse('moved');
            return;
          }
          rows.set(id, { ...row, version: row.version + 1, token });
        }
        done.answer(null);
      }
    },

    change(change, answer, refuse) {
      const done = step(answer, refuse);
      const { id, kind, slug } = change;
      write = change.number;
      if (kind === 'sweep') {
        for (const row of rows.values()) rows.set(row.id, { ...row, amount: write });
        done.answer(toBody(rows.get(id) as Row));
        return;
      }
      const stands = rows.get(id);
      if ((kind === 'create') === (stands !== undefined)) {
        done.refuse('not_found');
        return;
      }
      const from = stands ?? { id, slug: slug as string, version: 1, token, amount: 0, isActive: true };
      const row: Row = { ...from, amount: change.number, slug: slug ?? from.slug, isActive: kind === 'archive' ? !from.isActive : from.isActive };
      if (stands?.slug === row.slug) {
        rows.set(id, row);
        done.answer(toBody(row));
        return;
      }
      if (![stands?.slug, row.slug].every((s) => s === undefined || keys.includes(`slug:${s}`))) {
        done.refuse('moved');
        return;
      }
      takeAll(
        [`slug ${row.slug}`],
        () => {
          if (database.owner(row.slug) !== undefined) {
            done.refuse('slug_taken');
            return;
          }
          rows.set(id, row);
          done.answer(toBody(row));
        },
        () => done.refuse('busy'),
      );
    },

    rollback(answer) {
      if (!isOver) end();
      answer(null);
    },

    commit(pair, answer, refuse) {
      const done = step(answer, refuse);
      if (isOver) return;
      if (database.pair() !== pair) {
        done.refuse('replaced');
        return;
      }
      for (const row of rows.values()) {
        const touched = [`id:${row.id}`, `slug:${row.slug}`, `slug:${database.product(row.id)?.slug ?? row.slug}`];
        if (!keys.includes('*') && !touched.every((key) => keys.includes(key)))
          history.violated('unblocked', `write ${write} changed ${touched.join()}, having blocked ${keys.join()}`);
      }
      // From here on it is no matter whether anybody listens; only a crash can keep it from being committed.
      isCommitting = true;
      const { ends } = database.counts;
      scheduler.after(database.commitMs(), () => {
        if (database.counts.ends !== ends) return;
        land();
        answer(null);
      });
    },
  };
}

interface Parts {
  scheduler: Scheduler;
  database: Database;
  history: History;
  wire: Wire;
}

/** W4 as a process does it. One that is eager begins at once, and again where the readers take long. */
export async function commitWrite(parts: Parts, machine: Machine, armed: Armed, change: Change): Promise<Commit<string>> {
  if (change.isEager) {
    let hasPassed = false;
    const passed = armed.readers.then(() => {
      hasPassed = true;
      return true;
    });
    passed.catch(() => {});
    const late = () =>
      new Promise<boolean>((resolve) => {
        machine.clock.after(eagerMs, () => resolve(false));
      });
    const early = await transact(parts, machine, armed, change, () => Promise.race([passed, late()])).catch((error: unknown) => {
      // A lock that did not come free before they have answered is asked for again.
      if (error instanceof Refused && error.code === 'busy' && !hasPassed) return null;
      throw error;
    });
    if (early) return early;
  }
  await armed.readers;
  return (await transact(parts, machine, armed, change, async () => true)) as Commit<string>;
}

/**
 * begin_write, the change, then end_write and COMMIT in one message, over one connection.
 * @param mayCommit asked before COMMIT; where it may not, all is rolled back, and null is what comes of it
 */
async function transact(
  parts: Parts,
  machine: Machine,
  { token, keyCount, pair }: Armed,
  change: Change,
  mayCommit: () => Promise<boolean>,
): Promise<Commit<string> | null> {
  const { wire } = parts;
  const connection = wire.connect(machine);
  const server = openTransaction({ connection, ...parts });
  let document: DocumentBody;
  const rollback = () => wire.ask<null>(connection, 'rollback', answerMs, (answer) => server.rollback(answer)).catch(() => null);
  try {
    await wire.ask<null>(connection, 'begin_write', answerMs, (answer, refuse) => server.beginWrite(token, keyCount, answer, refuse));
    document = await wire.ask<DocumentBody>(connection, 'change', answerMs, (answer, refuse) => server.change(change, answer, refuse));
  } catch (error) {
    wire.free(connection);
    throw error;
  }
  // W3, before W4 ends
  const isPassed = await mayCommit().catch(async (error: unknown) => {
    await rollback();
    wire.free(connection);
    throw error;
  });
  if (!isPassed) {
    await rollback();
    wire.free(connection);
    return null;
  }
  if (connection.isOver) throw new Lost('rolled back');
  const commit = { value: token, documents: [document] };
  try {
    await wire.ask<null>(connection, 'commit', answerMs, (answer, refuse) => server.commit(pair, answer, refuse));
    return { isKnown: true, ...commit };
  } catch (error) {
    if (error instanceof Lost) return { isKnown: false, ...commit };
    throw error;
  } finally {
    wire.free(connection);
  }
}

function toBody(row: Row): DocumentBody {
  const { id, slug, version, token } = row;
  return { id, slug, version, token, json: bodyOf(row) };
}
