import { AppError, type ErrorCode } from '../errors.js';

/**
 * Runs `work` and says its database failures in the shop's words: `database_unavailable`, `busy`, `slug_taken`, `conflict`, `unusable`.
 * Anything else is thrown as it came.
 */
export async function inShopWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}

/** The AppError for a failure of pg or Prisma, or the very error given where it is none of the database's known ways to fail. */
export function toAppError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  for (const fault of faultsOf(error)) {
    const said = violation(fault) ?? condition(fault);
    if (said) return new AppError(said.code, said.message, { cause: error });
  }
  return error;
}

/** Whether the connection that gave this error cannot be trusted any more: it broke, it was closed, or an answer to it is still outstanding. */
export function breaksConnection(error: unknown): boolean {
  const code = sqlState(error);
  return code === undefined || /^(08|57P|25P03)/.test(code);
}

interface Fault {
  code?: unknown;
  message?: unknown;
  constraint?: unknown;
  detail?: unknown;
}

interface Said {
  code: ErrorCode;
  message: string;
}

const unavailable: Said = { code: 'database_unavailable', message: 'The database does not answer at the moment' };
const noRoom: Said = { code: 'database_unavailable', message: 'The database has no room for this at the moment' };
const busy: Said = { code: 'busy', message: 'Another change is in the way; try again' };
const unusable: Said = { code: 'unusable', message: 'A value cannot be stored as it stands' };

const constraints: Record<string, Said> = {
  product_slug_key: { code: 'slug_taken', message: 'Another product has this slug' },
  category_slug_key: { code: 'conflict', message: 'Another category has this slug' },
  category_sibling_title_key: { code: 'conflict', message: 'A category of this title stands there already' },
  category_is_a_tree: { code: 'conflict', message: 'A category cannot be placed below itself' },
  product_tag_pkey: { code: 'unusable', message: 'The same tag appears twice' },
  product_option_product_id_name_key: { code: 'unusable', message: 'Two options have the same name' },
  media_product_id_url_key: { code: 'unusable', message: 'The same image appears twice' },
  price_variant_id_currency_key: { code: 'unusable', message: 'A variant has two prices in one currency' },
};

function violation({ code, constraint, detail }: Fault): Said | undefined {
  if (typeof code !== 'string' || !code.startsWith('23')) return undefined;
  const said = typeof constraint === 'string' ? constraints[constraint] : undefined;
  if (said?.code === 'slug_taken') return { ...said, message: slugMessage(detail) ?? said.message };
  if (said) return said;
  if (code === '23514') return unusable;
  return code === '23505' || code === '23503' ? { code: 'conflict', message: 'The change collides with another one' } : undefined;
}

function slugMessage(detail: unknown): string | undefined {
  const slug = typeof detail === 'string' ? /^Key \(slug\)=\((.*)\) already exists\.$/s.exec(detail)?.[1] : undefined;
  return slug === undefined ? undefined : `Another product has the slug ${slug}`;
}

// SQLSTATE classes and codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const stateRules: [RegExp, Said][] = [
  // Raised by the functions of the price protocol.
  [/^TT001$/, { code: 'busy', message: 'The change took too long and was ended before it was made; try again' }],
  [/^TT002$/, { code: 'keys_moved', message: 'The product was renamed meanwhile; try again' }],
  [/^(55P03|40P01|40001)$/, busy],
  [/^21000$/, { code: 'conflict', message: 'The same product or variant appears twice in one write' }],
  [/^(22|54)/, unusable],
  [/^53100$/, noRoom],
  // 53 is a machine at its limits, 58 a disk that does not take or give what it should.
  [/^(08|28|53|57|58|25P03|25006|3D000)/, unavailable],
];
const socketCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENOENT|ERR_STREAM_DESTROYED)$/;
// This process itself at its limits: no file descriptor, no port, no memory for a socket.
const ownLimits = /^(EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS)$/;
// Not reachable, timed out, closed: https://www.prisma.io/docs/orm/reference/error-reference
const prismaAway = /^(P10\d\d|P2024)$/;
// pg gives these no code.
const pgMessages =
  /^(Query read timeout|timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

function condition({ code, message }: Fault): Said | undefined {
  if (typeof code === 'string') {
    if (socketCodes.test(code) || ownLimits.test(code) || prismaAway.test(code)) return unavailable;
    if (isSqlState(code)) return stateRules.find(([rule]) => rule.test(code))?.[1];
  }
  return typeof message === 'string' && pgMessages.test(message) ? unavailable : undefined;
}

/** The error and what it wraps: pg's own, Prisma's driver fault (`meta.driverAdapterError.cause`), the parts of an AggregateError. */
function faultsOf(error: unknown, depth = 0): Fault[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { cause, meta, errors, originalCode, originalMessage } = error as {
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
    errors?: unknown[];
    originalCode?: unknown;
    originalMessage?: unknown;
  };
  const wrapped = [meta?.driverAdapterError, cause, ...(Array.isArray(errors) ? errors : [])];
  const own: Fault = originalCode === undefined ? error : { ...error, code: originalCode, message: originalMessage };
  return [own, ...wrapped.flatMap((inner) => faultsOf(inner, depth + 1))];
}

function sqlState(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'severity' in error ? (error as Fault).code : undefined;
  return typeof code === 'string' && isSqlState(code) ? code : undefined;
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) && !/^P[1-9]\d{3}$/.test(code);
}
