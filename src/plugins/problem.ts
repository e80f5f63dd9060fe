import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type AppError, type ErrorCode, type FieldFault, isAppError } from '../errors.js';
import { tellCopies } from './cache-control.js';

/** THE TABLE of what each failure is over HTTP. */
const statusOf: Record<ErrorCode, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  slug_taken: 409,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media: 415,
  unusable: 422,
  unknown_currency: 422,
  unknown_cursor: 422,
  unknown_category: 422,
  import_refused: 422,
  busy: 503,
  database_unavailable: 503,
  write_outcome_unknown: 503,
  draining: 503,
};

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Content too large',
  414: 'URI too long',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Service unavailable',
};

/** What Fastify itself refuses has the code that we would give it. */
const codes: Record<number, string> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'too_large',
  414: 'uri_too_long',
  415: 'unsupported_media',
  431: 'headers_too_large',
};

interface Failure {
  status: number;
  code: string;
  detail: string;
  errors?: readonly FieldFault[] | undefined;
}

/** Every failure, whoever raised it, is answered as application/problem+json (RFC 9457). What is ours to mend is logged with its cause. */
export const problemPlugin = plugin(async (app) => {
  app.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    const failure = describe(error);
    if (failure.status >= 500) request.log.error({ err: error }, failure.detail);
    sendProblem(request, reply, failure);
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(request, reply, { status: 404, code: 'not_found', detail: `There is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}` });
  });
});

/** For the routes that exist to say that another method is meant. */
export function refuseMethod(allowed: readonly string[]) {
  return (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('allow', allowed.join(', '));
    sendProblem(request, reply, { status: 405, code: 'method_not_allowed', detail: `${request.method} is not possible here; allowed: ${allowed.join(', ')}` });
  };
}

/** Failures before a route is found: a URL that cannot be decoded, a header that cannot be read. */
export function onFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(request, reply, describe(error));
}

/** The bytes of an answer to a request that could not even be parsed. */
export function rawProblem(status: 400 | 408 | 431): string {
  const requestId = randomUUID();
  const body = JSON.stringify({ type: 'about:blank', title: titles[status], status, detail: 'The request could not be read', code: codes[status], requestId });
  const headers = [`Content-Type: application/problem+json`, `Content-Length: ${Buffer.byteLength(body)}`, `X-Request-Id: ${requestId}`, 'Connection: close'];
  return `HTTP/1.1 ${status} ${titles[status]}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, { status, code, detail, errors }: Failure) {
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, detail, code, requestId: request.id, ...(errors?.length ? { errors } : {}) };
  if (status === 503) reply.header('retry-after', '1');
  // The rest of the body is not read, so nothing else can follow on this connection.
  if (status === 413) reply.header('connection', 'close');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="truetag"');
  // Both stand there already, unless the request failed before the first hook.
  reply.header('x-request-id', request.id);
  tellCopies(request, reply);
  reply.removeHeader('etag');
  reply.code(status).header('content-type', 'application/problem+json').send(Buffer.from(JSON.stringify(body)));
}

function describe(error: FastifyError | AppError): Failure {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.flatMap(({ instancePath, message = 'is not valid', params }) => {
      const steps = instancePath.split('/').filter(Boolean);
      const unknown = unknownKeys(params);
      if (unknown) return unknown.map((key) => ({ path: [...steps, key].join('.'), message: 'is unknown' }));
      return [{ path: steps.join('.') || (error.validationContext ?? ''), message }];
    });
    return { status: 400, code: 'invalid', detail: errors.map(({ path, message }) => `${path}: ${message}`).join('; ').slice(0, 1000), errors };
  }
  if (isAppError(error)) return { status: statusOf[error.code], code: error.code, detail: error.message, errors: error.faults };
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status !== undefined && status >= 400 && status < 500) {
    const known = status in codes ? status : 400;
    return { status: known, code: codes[known] ?? 'bad_request', detail: error.message };
  }
  if (status === 503) return { status: 503, code: 'busy', detail: 'The server is busy or stopping: try again' };
  return { status: 500, code: 'internal', detail: 'Something went wrong on our side; the request id finds it in the log' };
}

function unknownKeys(params: unknown): string[] | undefined {
  return typeof params === 'object' && params !== null && 'keys' in params && Array.isArray(params.keys) ? params.keys : undefined;
}
