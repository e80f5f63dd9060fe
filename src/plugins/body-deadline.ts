import type { FastifyRequest, RequestPayload } from 'fastify';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/** Less than any line brings that files are sent over: whoever sends less holds one of the few places of the line of imports, and nothing else. */
const leastBytesPerS = 8_000;

/**
 * A JSON body is here after `timeoutMs` or is given up: 408. Whoever sends one byte at a time would otherwise hold a request for as long as the
 * server allows an upload. Files are streamed and have that longer bound; in every `timeoutMs` of it they bring 8 kB for each second, or end.
 */
export const bodyDeadlinePlugin = plugin<{ timeoutMs: number }>(async (app, { timeoutMs }) => {
  const seconds = timeoutMs / 1000;

  /** What stops it. Whoever reads the body takes the error for the end of it; the stream is left whole, for without its socket nothing could be answered. */
  function watch({ headers, routeOptions, raw: { socket } }: FastifyRequest, payload: RequestPayload): (() => void) | undefined {
    const giveUp = (detail: string) => payload.emit('error', new AppError('request_timeout', detail));
    if (routeOptions.config.isUpload) {
      let had = socket.bytesRead;
      const timer = setInterval(() => {
        if (socket.bytesRead - had < leastBytesPerS * seconds) giveUp(`Less than ${leastBytesPerS} bytes a second arrived for ${seconds} seconds`);
        had = socket.bytesRead;
      }, timeoutMs).unref();
      return () => clearInterval(timer);
    }
    if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return undefined;
    const timer = setTimeout(() => giveUp(`The body did not arrive within ${seconds} seconds`), timeoutMs).unref();
    return () => clearTimeout(timer);
  }

  app.addHook('preParsing', (request, reply, payload, done) => {
    const stop = request.method === 'GET' || request.method === 'HEAD' ? undefined : watch(request, payload);
    if (stop) {
      // Also so that an error which nobody waits for any more is no uncaught one.
      payload.on('error', stop).once('end', stop);
      reply.raw.once('close', stop);
    }
    done(null, payload);
  });
});
