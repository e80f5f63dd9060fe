import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { Logger } from 'pino';

declare module 'fastify' {
  interface FastifyRequest {
    /** What a write under /v1/admin has answered, as far as the log tells it. */
    written?: Record<string, string | number> | undefined;
  }
}

/** A request that takes longer is worth a line. Reads are refused after two seconds. */
const slowMs = 1000;
/** Of what a write answers, what says which thing was changed. Prices, names and keys stay out of the log. */
const told = ['id', 'productId', 'variantId', 'slug', 'version', 'quantity'] as const;

/**
 * One line for every write under /v1/admin and for every request that was slow, with the request id. Failures of ours have theirs where they are
 * answered; other requests have none, since nobody would read so many.
 */
export const requestLogPlugin = plugin<{ log: Pick<Logger, 'info' | 'warn'>; traceIdOf: (request: FastifyRequest) => string | undefined }>(
  async (app, { log, traceIdOf }) => {
    app.decorateRequest('written', undefined);
    app.addHook('onRoute', (route) => {
      const isRead = [route.method].flat().every((method) => method === 'GET' || method === 'HEAD');
      if (!route.url.startsWith('/v1/admin/') || isRead || route.config?.isRefusal) return;
      route.preSerialization = [
        ...[route.preSerialization ?? []].flat(),
        (request, _reply, payload, done) => {
          request.written = pick(payload);
          done(null, payload);
        },
      ];
    });
    app.addHook('onResponse', (request, reply, done) => {
      const { written } = request;
      const ms = Math.round(reply.elapsedTime);
      if (written === undefined && ms < slowMs) return done();
      const { url: route = 'none' } = request.routeOptions;
      const traceId = traceIdOf(request);
      const line = {
        ...{ requestId: request.id, method: request.method, route, status: reply.statusCode, ms },
        ...(traceId === undefined ? {} : { traceId }),
        ...(request.caller ? { caller: request.caller.keyId } : {}),
      };
      if (written !== undefined) log.info({ ...line, ...written }, 'admin write');
      if (ms >= slowMs) log.warn(line, 'slow request');
      done();
    });
  },
);

function pick(payload: unknown): Record<string, string | number> {
  if (typeof payload !== 'object' || payload === null) return {};
  const values = payload as Record<string, unknown>;
  return Object.fromEntries(
    told.flatMap((name) => (typeof values[name] === 'string' || typeof values[name] === 'number' ? [[name, values[name]]] : [])),
  );
}
