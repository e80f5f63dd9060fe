import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { Logger } from 'pino';
import type { AppError } from '../errors.js';
import { tellCopies } from './cache-control.js';
import { codes, describe, type Failure, titles } from './failure.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that the answer is, where it is one. */
    problemCode?: string | undefined;
  }
}

/** Every failure, whoever raised it, is answered as application/problem+json (RFC 9457). What is ours to mend is logged with its cause. */
export const problemPlugin = plugin<{ log: Pick<Logger, 'error'> }>(async (app, { log }) => {
  app.decorateRequest('problemCode', undefined);
  app.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    const failure = describe(error);
    if (failure.status >= 500) log.error({ err: error, requestId: request.id }, failure.detail);
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

/** Failures before a route is found: a URL that cannot be decoded, a header that cannot be read. */
export function onFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(request, reply, describe(error));
}

/** The bytes of an answer to a request that could not even be parsed. */
export function rawProblem(status: 400 | 408 | 431): string {
  const requestId = randomUUID();
  const body = JSON.stringify({
    type: 'about:blank',
    title: titles[status],
    status,
    detail: 'The request could not be read',
    code: codes[status],
    requestId,
  });
  const headers = [
    `Content-Type: application/problem+json`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  return `HTTP/1.1 ${status} ${titles[status]}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, { status, code, detail, errors, retryAfterS = 1 }: Failure) {
  request.problemCode = code;
  const body = {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    detail,
    code,
    requestId: request.id,
    ...(errors?.length ? { errors } : {}),
  };
  if (status === 503) reply.header('retry-after', String(retryAfterS));
  // The rest of the body is not read, so nothing else can follow on this connection.
  if (status === 413 || code === 'no_room') reply.header('connection', 'close');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="truetag"');
  // Both stand there already, unless the request failed before the first hook.
  reply.header('x-request-id', request.id);
  tellCopies(request, reply);
  reply.removeHeader('etag');
  reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(body)));
}
