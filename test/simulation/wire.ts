import type { Machine } from './machine.js';
import type { Scheduler } from './scheduler.js';

export type Leg = 'request' | 'reply' | 'notice';

export interface Message {
  machine: string;
  op: string;
  leg: Leg;
}

/** After how many ms it arrives, once for every figure: none means that it is lost. Or it is held by a test, which lets it go with `go`. */
export type Fate = readonly number[] | ((go: () => void) => void);

/** The connection to Postgres was lost, or never made: what was asked may have been done or not. */
export class Lost extends Error {}

/** Postgres said no. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export interface Connection {
  readonly machine: Machine;
  /** The client has given it up. */
  isOver: boolean;
  /** The server has given it up. */
  isGone: boolean;
  /** Whatever is sent on it disappears. */
  isSilent: boolean;
  /** Called when the client gives it up. */
  onOver: ((error: Error) => void) | null;
  /** Called when the server gives it up. */
  onGone: (() => void) | null;
  readonly pending: Set<(error: Error) => void>;
  requestsUntil: number;
  repliesUntil: number;
}

/** Connections to a server: what is sent arrives later, in order, or not at all. */
export interface Wire {
  connect(machine: Machine): Connection;
  /**
   * Asks for `op`. `serve` runs at the server, when the request arrives.
   * @throws Lost where no answer comes within `withinMs`, which ends the connection; what `serve` refuses with
   */
  ask<T>(
    connection: Connection,
    op: string,
    withinMs: number,
    serve: (answer: (value: T) => void, refuse: (error: Error) => void) => void,
  ): Promise<T>;
  notify(connection: Connection, op: string, run: () => void): void;
  /** By the client, back into a pool: nothing is under way on it. */
  free(connection: Connection): void;
  /** By the client. */
  end(connection: Connection, error: Error): void;
  /** By the server, which is gone or has crashed: the client learns of it, if it can. */
  reset(connection: Connection): void;
  /** Takes new connections and answers. */
  isUp: boolean;
  readonly open: Set<Connection>;
}

export function createWire(scheduler: Scheduler, fateOf: (message: Message) => Fate): Wire {
  const open = new Set<Connection>();

  function send(connection: Connection, op: string, leg: Leg, arrive: () => void) {
    if (connection.isSilent) return;
    const fate = fateOf({ machine: connection.machine.name, op, leg });
    if (typeof fate === 'function') {
      fate(arrive);
      return;
    }
    for (const ms of fate) {
      let at = scheduler.now() + ms;
      if (leg === 'request') connection.requestsUntil = at = Math.max(at, connection.requestsUntil);
      if (leg === 'reply') connection.repliesUntil = at = Math.max(at, connection.repliesUntil);
      scheduler.after(at - scheduler.now(), arrive);
      if (leg !== 'notice') return;
    }
  }

  function leave(connection: Connection) {
    if (connection.isGone) return;
    connection.isGone = true;
    open.delete(connection);
    connection.onGone?.();
  }

  function end(connection: Connection, error: Error) {
    if (connection.isOver) return;
    connection.isOver = true;
    const failed = [...connection.pending];
    connection.pending.clear();
    for (const fail of failed) fail(error);
    send(connection, 'end', 'request', () => leave(connection));
    connection.onOver?.(error);
  }

  function reset(connection: Connection) {
    leave(connection);
    send(connection, 'reset', 'reply', () => connection.machine.deliver(() => end(connection, new Lost('the connection was reset'))));
  }

  const wire: Wire = {
    open,
    isUp: true,
    connect(machine) {
      const connection: Connection = {
        machine,
        isOver: false,
        isGone: false,
        isSilent: false,
        onOver: null,
        onGone: null,
        pending: new Set(),
        requestsUntil: 0,
        repliesUntil: 0,
      };
      open.add(connection);
      return connection;
    },
    ask<T>(connection: Connection, op: string, withinMs: number, serve: (answer: (value: T) => void, refuse: (error: Error) => void) => void) {
      const { machine, pending } = connection;
      return new Promise<T>((resolve, reject) => {
        if (connection.isOver) {
          reject(new Lost('the connection is over'));
          return;
        }
        const cancel = machine.clock.after(withinMs, () => end(connection, new Lost(`no answer to ${op}`)));
        const fail = (error: Error) => {
          cancel();
          reject(error);
        };
        pending.add(fail);
        const reply = (settle: () => void) =>
          send(connection, op, 'reply', () =>
            machine.deliver(() => {
              if (!pending.delete(fail)) return;
              cancel();
              settle();
            }),
          );
        send(connection, op, 'request', () => {
          if (connection.isGone) return;
          if (wire.isUp)
            serve(
              (value) => reply(() => resolve(value)),
              (error) => reply(() => reject(error)),
            );
          else reset(connection);
        });
      });
    },
    notify(connection, op, run) {
      send(connection, op, 'notice', () => {
        if (!connection.isOver) connection.machine.deliver(() => !connection.isOver && run());
      });
    },
    free(connection) {
      if (connection.isOver) return;
      connection.isOver = true;
      connection.isGone = true;
      open.delete(connection);
    },
    end,
    reset,
  };
  return wire;
}
