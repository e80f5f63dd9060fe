/** What can go wrong, in the shop's words. How each is said over HTTP stands in one table, in `plugins/failure.ts`. */
export type ErrorCode =
  | 'invalid'
  | 'not_found'
  | 'unauthorized'
  | 'forbidden'
  | 'missing_scope'
  | 'outlives_maker'
  | 'too_many_wrong_keys'
  | 'issuer_unavailable'
  | 'conflict'
  | 'slug_taken'
  | 'version_mismatch'
  | 'unusable'
  | 'unknown_currency'
  | 'unknown_cursor'
  | 'unknown_category'
  | 'import_refused'
  | 'too_large'
  | 'unsupported_media'
  | 'no_room'
  | 'busy'
  | 'keys_moved'
  | 'database_unavailable'
  | 'write_outcome_unknown'
  | 'draining'
  | 'rate_limited'
  | 'too_many_under_way'
  | 'overloaded'
  | 'request_timeout'
  | 'uri_too_long'
  | 'headers_too_large';

/** What there was too little of, where somebody is turned away so that the others are answered. */
export type Shortage = 'event_loop' | 'heap' | 'memory' | 'database';

export interface FieldFault {
  /** Where the fault sits, as the client wrote it: `lines.0.quantity`. */
  path: string;
  message: string;
}

/** An expected failure. `message` is shown to the client as it stands, so it holds no internals; the cause goes to the log. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly FieldFault[] | undefined;
  /** When it is worth trying again, where that is known. */
  readonly retryAfterS: number | undefined;
  readonly shortOf: Shortage | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { faults?: readonly FieldFault[]; retryAfterS?: number | undefined; shortOf?: Shortage; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.faults = options.faults;
    this.retryAfterS = options.retryAfterS;
    this.shortOf = options.shortOf;
  }
}

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}
