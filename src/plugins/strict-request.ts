import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/** As many bytes as every server should take (RFC 9110 section 4.1). */
const maxUrlLength = 8000;
/** More than any call of ours knows. */
const maxParameters = 50;
/** Node would drop the later ones without a word, an If-Match among them. */
export const maxHeaders = 100;

/** What the layers before and behind this one let pass although it is no request that we could answer: 400, or one that is too long. */
export const strictRequestPlugin = plugin(async (app) => {
  app.addHook('onRequest', (request, _reply, done) => done(faultOf(request)));
  // Behind the key, before the body.
  app.addHook('preParsing', (request, _reply, payload, done) => done(codingFaultOf(request), payload));
});

function faultOf(request: FastifyRequest): AppError | undefined {
  const { url } = request;
  if (url.length > maxUrlLength) return new AppError('uri_too_long', `The URL is longer than ${maxUrlLength} characters`);
  if (request.raw.rawHeaders.length > 2 * maxHeaders) return new AppError('headers_too_large', `The request has more than ${maxHeaders} headers`);
  const query = url.indexOf('?');
  if (query >= 0 && hasMore(url, '&', query, maxParameters - 1)) return new AppError('invalid', `There are more than ${maxParameters} parameters`);
  // The parser of query strings takes what it cannot decode as it stands, and would look for something else than was meant.
  if (query >= 0 && url.includes('%', query) && !isDecodable(url.slice(query + 1)))
    return new AppError('invalid', 'The query string cannot be decoded');
  // zod passes over the one name that JavaScript treats in its own way.
  if (Object.hasOwn(request.query as object, '__proto__')) {
    return new AppError('invalid', '__proto__: is unknown', { faults: [{ path: '__proto__', message: 'is unknown' }] });
  }
  // Node would refuse it by itself, without a body (RFC 9112 section 3.2).
  if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') return new AppError('invalid', 'The request has no Host header');
  if (hasSecondHost(request.raw.rawHeaders)) return new AppError('invalid', 'The request has more than one Host header');
  return undefined;
}

/** Node keeps the first of two and says nothing; whoever stands before us may have gone by the other (RFC 9112 section 3.2). */
export function hasSecondHost(rawHeaders: readonly string[]): boolean {
  let isNamed = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (isNamed) return true;
    isNamed = true;
  }
  return false;
}

/** A body is read as it comes. Unpacked, a few bytes could fill the memory; taken for what it is not, it would be a puzzling 400. */
function codingFaultOf({ method, headers }: FastifyRequest): AppError | null {
  const coding = headers['content-encoding'];
  if (coding === undefined || coding.toLowerCase() === 'identity' || method === 'GET' || method === 'HEAD') return null;
  return new AppError('unsupported_media', 'Send the body as it is: no Content-Encoding is read here');
}

function hasMore(text: string, character: string, from: number, max: number): boolean {
  let count = 0;
  for (let at = text.indexOf(character, from); at >= 0 && count <= max; at = text.indexOf(character, at + 1)) count += 1;
  return count > max;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
