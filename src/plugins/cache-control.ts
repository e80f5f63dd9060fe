import plugin from 'fastify-plugin';

/** What may be kept of an answer under /v1, whatever it says: a private copy that is asked about before it is used. */
export const cacheControlPlugin = plugin(async (app) => {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'private, no-cache');
    done();
  });
});
