import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';

/** What may be kept of an answer under /v1, whatever it says: a private copy that is asked about before it is used. */
export const cacheControlPlugin = plugin(async (app) => {
  app.addHook('onRequest', (request, reply, done) => {
    tellCopies(request, reply);
    done();
  });
});

export function tellCopies({ url }: FastifyRequest, reply: FastifyReply): void {
  if (url.startsWith('/') ? url.startsWith('/v1/') : absoluteForm.test(url)) reply.header('cache-control', 'private, no-cache');
}

/** As a proxy is asked (RFC 9112 section 3.2.2); every server has to take it. */
const absoluteForm = /^https?:\/\/[^/]*\/v1\//i;
