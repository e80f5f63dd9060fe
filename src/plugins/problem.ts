import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { Logger } from 'pino';
import { type AppError, isAppError, type Shortage } from '../errors.js';
import { tellCopies } from './cache-control.js';
import { codes, describe, type Failure, titles } from './failure.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that the answer is, where it is one. */
    problemCode?: string | undefined;
    /** Why it was turned away, where others were to be answered instead. */
    shortOf?: Shortage | undefined;
  }
}

/** Every failure, whoever raised it, is answered as application/problem+json (RFC 9457). What is ours to mend is logged with its cause. */
export const problemPlugin = plugin<{ log: Pick<Logger, 'error'> }>(async (app, { log }) => {
  app.decorateRequest('problemCode', undefined);
  app.decorateRequest('shortOf', undefined);
  app.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    const failure = describe(error);
    if (isAppError(error)) request.shortOf = error.shortOf;
    // What is turned away so that the rest is answered would fill the log just when there is no time for it.
    if (failure.status >= 500 && failure.code !== 'overloaded')
      log.error({ err: error, requestId: request.id, ...(request.caller && { caller: request.caller.keyId }) }, failure.detail);
    sendProblem(request, reply, failure);
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(request, reply, {
      status: 404,
      code: 'not_found',
      detail: `There is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`,
    });
  });
});

/** For the routes that exist to say that another method is meant. */
export function refuseMethod(allowed: readonly string[]) {
  return (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('allow', allowed.join(', '));
    sendProblem(request, reply, {
      status: 405,
      code: 'method_not_allowed',
      detail: `${request.method} is not possible here; allowed: ${allowed.join(', ')}`,
    });
  };
}

/**
 * Failures before a route is found: a URL that cannot be decoded, a header that cannot be read.
 * @param headers what every answer has, because the hooks that set it have not run
 */
export function answerFrameworkErrors(headers: Readonly<Record<string, string>>) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => sendProblem(request, reply.headers(headers), describe(error));
}

/** The bytes of an answer to a request that could not even be parsed. */
export function rawProblem(status: 400 | 408 | 431, shared: Readonly<Record<string, string>>): string {
  const { headers, body } = bareProblem(status, randomUUID(), 'The request could not be read', shared);
  const lines = [...Object.entries(headers), ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${titles[status]}\r\n${lines.join('')}\r\n${body}`;
}

/** Node would refuse an expectation other than 100-continue by itself, without a word. */
export function refuseExpectation(requestId: string, response: ServerResponse, shared: Readonly<Record<string, string>>): void {
  const { headers, body } = bareProblem(417, requestId, 'Of the header Expect only 100-continue is understood', shared);
  response.writeHead(417, headers).end(body);
}

/**
 * For what Fastify never sees; which path was meant may not be known, so that nothing of it is to be kept wherever it leads.
 * @param shared what every answer has
 */
function bareProblem(status: number, requestId: string, detail: string, shared: Readonly<Record<string, string>>) {
  const body = JSON.stringify({ type: 'about:blank', title: titles[status], status, detail, code: codes[status], requestId });
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'private, no-cache',
    'X-Request-Id': requestId,
    ...shared,
  };
  return { headers, body };
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, failure: Failure) {
  const { status, code, retryAfterS = 1 } = failure;
  request.problemCode = code;
  if (status === 503 || status === 429) reply.header('retry-after', String(retryAfterS));
  // The rest of the body is not read, so nothing else can follow on this connection.
  if (status === 413 || status === 408 || code === 'no_room') reply.header('connection', 'close');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="truetag"');
  // Both stand there already, unless the request failed before the first hook.
  reply.header('x-request-id', request.id);
  tellCopies(request, reply);
  reply.removeHeader('etag');
  reply.code(status).header('content-type', 'application/problem+json').send(problemBytes(request, failure));
}

/** The body of the answer. */
export function problemBytes({ id: requestId }: FastifyRequest, { status, code, detail, errors }: Failure): Buffer {
  const title = titles[status] ?? 'Error';
  return Buffer.from(JSON.stringify({ type: 'about:blank', title, status, detail, code, requestId, ...(errors?.length ? { errors } : {}) }));
}
