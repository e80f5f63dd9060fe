import type { DocumentSource } from '../../src/cache/document-bodies.js';
import type { WriteRound } from '../../src/cache/document-write.js';
import type { ArmedLook, OpenSession, Session, WriteSteps } from '../../src/cache/truth-ports.js';
import type { Database } from './database.js';
import type { Machine } from './machine.js';
import { Lost, Refused, type Wire } from './wire.js';

interface Parts {
  database: Database;
  wire: Wire;
  machine: Machine;
}

const answerMs = 1000;
const outcomeMs = 4000;

/** Reads of documents, each over a connection of a pool. */
export function createSource({ database, wire, machine }: Parts): DocumentSource {
  async function ask<T>(op: string, read: () => T): Promise<T> {
    const connection = wire.connect(machine);
    try {
      return await wire.ask<T>(connection, op, answerMs, (answer) => answer(read()));
    } finally {
      wire.free(connection);
    }
  }
  return {
    versions: (lookups) => ask('versions', () => database.versions(lookups)),
    documents: (ids) => ask('documents', () => database.documents(ids)),
  };
}

/** W1 at the server: gives the pair. */
function arm(database: Database, fitsNotice: () => boolean, { token, writer }: WriteRound, keys: readonly string[]): string {
  database.commit(false, () => {
    database.blocks.set(token, { writer, keys: [...keys] });
    return () => database.blocks.delete(token);
  });
  const told = fitsNotice() ? [...keys] : undefined;
  database.notify(
    () => true,
    'arm',
    (events) => events.onArm(token, writer, told),
  );
  return database.pair();
}

/** A plan that arms: the row that stands, W1 and W2 in one message. Null where there is no such product, and no block then. */
export async function armInOneMessage({ database, wire, machine }: Parts, fitsNotice: () => boolean, round: WriteRound, id: string) {
  type Answer = { keys: string[]; armed: ArmedLook } | null;
  const connection = wire.connect(machine);
  try {
    return await wire.ask<Answer>(connection, 'arm', answerMs, (answer) => {
      const stands = database.product(id);
      const keys = stands ? [`id:${id}`, `slug:${stands.slug}`] : [];
      answer(stands ? { keys, armed: { pair: arm(database, fitsNotice, round, keys), look: database.registry() } } : null);
    });
  } finally {
    wire.free(connection);
  }
}

/** W1, W2 and W7 as the functions of the migration do them. */
export function createSteps({ database, wire, machine }: Parts, fitsNotice: () => boolean): WriteSteps {
  async function ask<T>(
    op: string,
    withinMs: number,
    serve: (answer: (value: T) => void, refuse: (error: Error) => void, owner: object) => void,
  ): Promise<T> {
    const connection = wire.connect(machine);
    const owner = {};
    connection.onGone = () => database.locks.release(owner);
    try {
      return await wire.ask<T>(connection, op, withinMs, (answer, refuse) => serve(answer, refuse, owner));
    } finally {
      wire.free(connection);
    }
  }

  /** Waits for a transaction that has taken the blocks, and takes them away where it has not committed. */
  function disarm(op: string, token: string, withinMs: number): Promise<boolean> {
    return ask<boolean>(op, withinMs, (answer, refuse, owner) =>
      database.locks.take(
        owner,
        `block ${token}`,
        withinMs,
        () => {
          const block = database.blocks.get(token);
          if (block)
            database.commit(true, () => {
              database.blocks.delete(token);
              return () => database.blocks.set(token, block);
            });
          database.released(token);
          database.locks.release(owner);
          answer(database.log.has(token));
        },
        () => refuse(new Refused('busy')),
      ),
    );
  }

  return {
    arm: (token, keys, writer) => ask('arm', answerMs, (answer) => answer(arm(database, fitsNotice, { token, writer }, keys))),
    registry: () => ask('registry', answerMs, (answer) => answer(database.registry())),
    async release(token) {
      await disarm('release', token, answerMs);
    },
    findOutcome: (token) => disarm('outcome', token, outcomeMs),
  };
}

/** J1 to N2: the session connection. What it commits is on disk when it returns. */
export function createOpen({ database, wire, machine }: Parts, sessionAnswerMs: number): OpenSession {
  return async (process, events) => {
    const connection = wire.connect(machine);
    const { instances, blocks, locks } = database;
    const ask = <T>(op: string, work: () => T) => wire.ask<T>(connection, op, sessionAnswerMs, (answer) => answer(work()));
    connection.onGone = () => database.listeners.delete(connection);
    await ask('open', () => database.listeners.set(connection, { connection, process, events }));
    connection.onOver = (error) => events.onEnd(error);

    function remove(id: string) {
      const row = instances.get(id);
      if (!row) return;
      database.commit(true, () => {
        instances.delete(id);
        return () => instances.set(id, row);
      });
    }

    const session: Session = {
      async join(id, leaseMs) {
        await ask('join', () =>
          database.commit(true, () => {
            instances.set(id, { beat: 0, leaseMs });
            database.counts.joins += 1;
            return () => instances.delete(id);
          }),
        );
      },
      leave: (id) => ask('leave', () => remove(id)),
      beat: (id, beat) =>
        ask('beat', () => {
          const row = instances.get(id);
          if (!row) return false;
          database.commit(true, () => {
            instances.set(id, { ...row, beat });
            database.counts.beats += 1;
            return () => instances.set(id, row);
          });
          return true;
        }),
      look: () => ask('look', () => database.look()),
      keysOf: (token) => ask('keys', () => [...(blocks.get(token)?.keys ?? [])]),
      ack: (writer, token, instance) =>
        ask('ack', () =>
          database.notify(
            ({ process: to }) => to === writer,
            'acked',
            (to) => to.onAck(token, instance),
          ),
        ),
      deleteInstance: (id, beat) => ask('delete', () => instances.get(id)?.beat === beat && remove(id)).then(() => {}),
      reap: (tokens) =>
        ask('reap', () => {
          for (const token of tokens) {
            const block = blocks.get(token);
            if (!block || locks.isTaken(`block ${token}`)) continue;
            database.commit(true, () => {
              blocks.delete(token);
              return () => blocks.set(token, block);
            });
            database.counts.reaped += 1;
            database.released(token);
          }
        }),
      settle: (pair) =>
        ask('settle', () => {
          if (database.pair() !== pair) return;
          const before = database.settled;
          database.commit(true, () => {
            database.settled = pair;
            return () => {
              database.settled = before;
            };
          });
        }),
      prune: () => ask('prune', () => {}),
      close: () => {
        connection.onOver = null;
        wire.end(connection, new Lost('closed'));
      },
    };
    return session;
  };
}
