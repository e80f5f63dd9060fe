import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';

/**
 * What may be kept of an answer under /v1, whatever it says: a private copy that is asked about before it is used. A 304 to HEAD has no length:
 * the one that Fastify gives it would be that of the answer it stands for (RFC 9110 section 8.6), and it is not zero.
 */
export const cacheControlPlugin = plugin(async (app) => {
  app.addHook('onRoute', (route) => {
    // Behind the hook with which Fastify tells lengths to HEAD.
    if (route.method === 'HEAD') route.onSend = [...[route.onSend ?? []].flat(), dropLength];
  });
  app.addHook('onRequest', (request, reply, done) => {
    tellCopies(request, reply);
    done();
  });
});

function dropLength(_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: (error: null, payload: unknown) => void): void {
  if (reply.statusCode === 304) reply.removeHeader('content-length');
  done(null, payload);
}

export function tellCopies({ url }: FastifyRequest, reply: FastifyReply): void {
  if (url.startsWith('/') ? url.startsWith('/v1/') : absoluteForm.test(url)) reply.header('cache-control', 'private, no-cache');
}

/** As a proxy is asked (RFC 9112 section 3.2.2); every server has to take it. */
const absoluteForm = /^https?:\/\/[^/]*\/v1\//i;
