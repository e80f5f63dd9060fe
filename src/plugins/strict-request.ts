import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/** What the layers before and behind this one let pass although it is no request that we could answer: 400. */
export const strictRequestPlugin = plugin(async (app) => {
  app.addHook('onRequest', (request, _reply, done) => done(faultOf(request)));
});

function faultOf(request: FastifyRequest): AppError | undefined {
  const { url } = request;
  const query = url.indexOf('?');
  // The parser of query strings takes what it cannot decode as it stands, and would look for something else than was meant.
  if (query >= 0 && url.includes('%', query) && !isDecodable(url.slice(query + 1)))
    return new AppError('invalid', 'The query string cannot be decoded');
  // zod passes over the one name that JavaScript treats in its own way.
  if (Object.hasOwn(request.query as object, '__proto__')) {
    return new AppError('invalid', '__proto__: is unknown', { faults: [{ path: '__proto__', message: 'is unknown' }] });
  }
  // Node would refuse it by itself, without a body (RFC 9112 section 3.2).
  if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') return new AppError('invalid', 'The request has no Host header');
  return undefined;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
