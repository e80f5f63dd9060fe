import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/**
 * Refuses Idempotency-Key on writes, until keys are kept. To ignore it would be worse: the caller repeats a request in the belief that it
 * counts once. On a route that asks for a key, that comes first.
 */
export const unsupportedHeadersPlugin = plugin(async (app) => {
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/v1/') || [route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return;
    const existing = route.onRequest ?? [];
    route.onRequest = [
      ...(Array.isArray(existing) ? existing : [existing]),
      async (request) => {
        if (request.headers['idempotency-key'] === undefined) return;
        const fault = { path: 'idempotency-key', message: 'is not supported' };
        throw new AppError('invalid', `${fault.path}: ${fault.message}`, { faults: [fault] });
      },
    ];
  });
});
