import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type AppError, type ErrorCode, type FieldFault, isAppError } from '../errors.js';

/** THE TABLE of what each failure is over HTTP. */
const statusOf: Record<ErrorCode, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  missing_scope: 403,
  outlives_maker: 403,
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
  too_many_wrong_keys: 429,
  no_room: 503,
  busy: 503,
  keys_moved: 503,
  database_unavailable: 503,
  write_outcome_unknown: 503,
  issuer_unavailable: 503,
  draining: 503,
  rate_limited: 429,
  too_many_under_way: 429,
  overloaded: 503,
  request_timeout: 408,
  uri_too_long: 414,
  headers_too_large: 431,
};

export const titles: Record<number, string> = {
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
  417: 'Expectation failed',
  422: 'Unprocessable content',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Service unavailable',
};

/** What Fastify itself refuses has the code that we would give it. */
export const codes: Record<number, string> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'too_large',
  414: 'uri_too_long',
  415: 'unsupported_media',
  417: 'expectation_failed',
  431: 'headers_too_large',
};

export interface Failure {
  status: number;
  code: string;
  detail: string;
  errors?: readonly FieldFault[] | undefined;
  retryAfterS?: number | undefined;
}

/** What an error is to whoever asked. Whatever is not known for something else is ours to mend: 500, and nothing of it is told. */
export function describe(error: FastifyError | AppError): Failure {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.flatMap(({ instancePath, message = 'is not valid', params }) => {
      const steps = instancePath.split('/').filter(Boolean);
      const unknown = unknownKeys(params);
      if (unknown) return unknown.map((key) => ({ path: [...steps, key].join('.'), message: 'is unknown' }));
      return [{ path: steps.join('.') || (error.validationContext ?? ''), message }];
    });
    return {
      status: 400,
      code: 'invalid',
      detail: errors
        .map(({ path, message }) => `${path}: ${message}`)
        .join('; ')
        .slice(0, 1000),
      errors,
    };
  }
  if (isAppError(error)) {
    const { code, message: detail, faults: errors, retryAfterS } = error;
    return { status: statusOf[code], code, detail, errors, retryAfterS };
  }
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
