import type { FastifyInstance } from 'fastify';
import { refuseMethod } from './problem.js';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const;

/**
 * Answers 405 with Allow where a path exists and the method does not. Collects the routes that are registered after the call; `finish`
 * registers the refusals and comes after the last route.
 */
export function refuseOtherMethods(app: FastifyInstance): { finish(): void } {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/docs')) return;
    const known = routes.get(route.url) ?? new Set();
    for (const method of [route.method].flat()) known.add(method);
    routes.set(route.url, known);
  });
  return {
    finish() {
      const patterns = [...routes].map(([url, known]) => ({ url, known: new Set(known) }));
      for (const { url } of patterns) {
        // A fixed path must not hide a parameter beside it: GET /v1/products/batch is a product whose slug is "batch".
        const allowed = methods.filter((method) => patterns.some((other) => other.known.has(method) && covers(other.url, url)));
        const refused = methods.filter((method) => !allowed.includes(method));
        if (refused.length === 0) continue;
        app.route({
          method: refused,
          url,
          schema: { hide: true },
          config: { isRefusal: true },
          onRequest: async (request, reply) => {
            refuseMethod(allowed)(request, reply);
            return reply;
          },
          handler: () => {},
        });
      }
    },
  };
}

function covers(pattern: string, url: string): boolean {
  const parts = pattern.split('/');
  const given = url.split('/');
  return parts.length === given.length && parts.every((part, i) => part.startsWith(':') || part === given[i]);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that only says which other method is meant. */
    isRefusal?: boolean;
  }
}
