import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/**
 * A JSON body is here after `timeoutMs` or is given up: 408. Whoever sends one byte at a time would otherwise hold a request for as long as the
 * server allows an upload. Files are streamed and have that longer bound.
 */
export const bodyDeadlinePlugin = plugin<{ timeoutMs: number }>(async (app, { timeoutMs }) => {
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (request.method !== 'GET' && request.method !== 'HEAD' && /^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      const late = new AppError('request_timeout', `The body did not arrive within ${timeoutMs / 1000} seconds`);
      // Whoever reads the body takes this for the end of it. The stream itself is left whole: without its socket nothing could be answered.
      const timer = setTimeout(() => payload.emit('error', late), timeoutMs).unref();
      const stop = () => clearTimeout(timer);
      // Also so that an error which nobody waits for any more is no uncaught one.
      payload.on('error', stop).once('end', stop);
      reply.raw.once('close', stop);
    }
    done(null, payload);
  });
});
