import type { Server } from 'node:http';
import type { FastifyHttpOptions } from 'fastify';
import { answerFrameworkErrors, rawProblem } from './problem.js';
import { requestIdOf } from './request-id.js';

/**
 * How the server takes requests before any hook sees them.
 * @param headers what every answer has
 * @param onUnreadable told the status that something got which cannot be read as a request, or leads nowhere
 */
export function serverOptions(options: {
  trustedProxies: readonly string[];
  headers: Readonly<Record<string, string>>;
  onUnreadable: (status: number) => void;
}): FastifyHttpOptions<Server> {
  const { trustedProxies, headers, onUnreadable } = options;
  const answerFrameworkError = answerFrameworkErrors(headers);
  return {
    // Fastify's own logger listens to the end of every answer, logged or not, which is a quarter of what a product hit costs.
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    bodyLimit: 2 * 2 ** 20,
    requestTimeout: 300_000,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    // Node looks every half a minute unless told otherwise, and ten seconds would be forty.
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, maxHeaderSize: 16 * 2 ** 10, requireHostHeader: false },
    frameworkErrors(error, request, reply) {
      answerFrameworkError(error, request, reply);
      onUnreadable(reply.statusCode);
    },
    clientErrorHandler(error, socket) {
      const { code } = error as NodeJS.ErrnoException;
      const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      onUnreadable(status);
      if (socket.writable) socket.end(rawProblem(status, headers));
      else socket.destroy();
    },
  };
}
