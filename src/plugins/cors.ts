import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';

const shared: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Idempotency-Key', 'X-Request-Id'],
  exposedHeaders: ['ETag', 'Cache-Status', 'Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'],
  // Keys travel in a header of their own, never in a cookie.
  credentials: false,
  maxAge: 600,
  strictPreflight: false,
};

/**
 * Lets pages of these origins read answers; without any, nothing of it is there. A request that names no origin is told only that answers
 * differ by it, and an OPTIONS that is no preflight is refused as before, with the methods that exist.
 */
export const corsPlugin = plugin<{ origins: readonly string[] }>(async (app, { origins }) => {
  if (origins.length === 0) return;
  const origin = [...origins];
  await app.register(fastifyCors, {
    delegator: (request: FastifyRequest, done: (error: Error | null, options?: FastifyCorsOptions) => void) => {
      const { origin: from, 'access-control-request-method': method } = request.headers;
      if (from === undefined) done(null, { origin: false });
      else done(null, { ...shared, origin, preflight: method !== undefined });
    },
  });
});
