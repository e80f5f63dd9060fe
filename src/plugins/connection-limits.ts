import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/** Requests that one connection may have under way at once. Node takes as many as fit into what it reads, and passes all of them on. */
export const maxPipelined = 32;

/** A client that has taken nothing of its answer for so long, and at most twice as long, is not waited for. */
const stalledMs = 60_000;

/** Connections that were closed for what their clients did, or did not do. */
export interface ClosedConnections {
  /** There were as many as may be. */
  tooMany: number;
  /** It asked for more at once than it may. */
  pipelining: number;
  /** Its client took nothing of its answer. */
  stalled: number;
}

/**
 * How much one client may take: connections of the process, and requests under way on a connection. What is past the first is closed unanswered,
 * because to answer it would be to serve it; what is past the second is told so, and its connection closed. Neither is ours to mend, so they
 * are counted and leave no error in the log.
 */
export const connectionLimitsPlugin = plugin<{ maxConnections: number; closed: ClosedConnections; onDrop: () => void }>(
  async (app, { maxConnections, closed, onDrop }) => {
    const { server } = app;
    const sweep = cutStalled(server, stalledMs, () => {
      closed.stalled += 1;
    });
    app.addHook('onClose', async () => clearInterval(sweep));
    server.maxConnections = maxConnections;
    server.on('drop', () => {
      closed.tooMany += 1;
      onDrop();
    });
    // Counted with the request, so that none is left out without a word; what they take together is bounded.
    server.maxHeadersCount = 0;

    const underWay = new WeakMap<Socket, number>();
    const refused = new WeakSet<Socket>();
    app.addHook('onRequest', (request, reply, done) => {
      const { socket } = request.raw;
      const count = (underWay.get(socket) ?? 0) + 1;
      underWay.set(socket, count);
      reply.raw.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
      if (count <= maxPipelined) return done();
      if (!refused.has(socket)) closed.pipelining += 1;
      refused.add(socket);
      reply.header('connection', 'close');
      done(new AppError('too_many_under_way', `More than ${maxPipelined} requests are under way on this connection`));
    });
  },
);

/**
 * Cuts connections whose clients have left what they are sent where it is from one look to the next. The timeout that Node has for this is set
 * and taken back with every answer, which costs a product hit a sixth; a look now and then costs it nothing.
 */
export function cutStalled(server: Server, everyMs: number, onCut: () => void = () => {}): NodeJS.Timeout {
  const taken = new Map<Socket, number>();
  server.on('connection', (socket) => {
    taken.set(socket, Number.NaN);
    socket.once('close', () => taken.delete(socket));
  });
  return setInterval(() => {
    for (const [socket, before] of taken) {
      const now = socket.writableLength === 0 ? Number.NaN : socket.bytesWritten - socket.writableLength;
      if (now === before) {
        onCut();
        socket.destroy();
      } else taken.set(socket, now);
    }
  }, everyMs).unref();
}
