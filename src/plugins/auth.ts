import { createHash, timingSafeEqual } from 'node:crypto';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that answers without a key although it stands under /v1/admin. */
    isOpen?: boolean;
  }
}

/**
 * Everything under /v1/admin asks for the key. Only its SHA-256 is kept, and two hashes of one length are compared in constant time. Without
 * a key nobody is let in.
 */
export const authPlugin = plugin<{ adminApiKey: string | undefined }>(async (app, { adminApiKey }) => {
  const expected = adminApiKey === undefined ? undefined : hash(adminApiKey);
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/v1/admin/') || route.config?.isOpen) return;
    const existing = route.onRequest ?? [];
    route.onRequest = [
      async (request) => {
        const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
        if (!expected) throw new AppError('unauthorized', 'Admin is off: the server was started without ADMIN_API_KEY');
        if (given === undefined) throw new AppError('unauthorized', 'Send the admin key: Authorization: Bearer KEY');
        if (!timingSafeEqual(hash(given), expected)) throw new AppError('unauthorized', 'This is not the admin key');
      },
      ...(Array.isArray(existing) ? existing : [existing]),
    ];
  });
});

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
