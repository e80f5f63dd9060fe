import { z } from 'zod';

/** RFC 9457. `code` is for programs, `detail` for people. */
export const Problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

const descriptions: Record<number, string> = {
  400: 'Fails the published schema; an unknown parameter is one',
  401: 'No key, or one that is wrong, expired or revoked',
  403: 'The key lacks the scope, which `detail` names, or would be outlived by the key that it makes',
  404: 'Not found',
  405: 'Another method is meant',
  408: 'The body did not arrive in time',
  409: 'Conflicts with what stands',
  412: 'If-Match does not name the version that stands',
  413: 'The body is too large',
  415: 'The body is of a type that this call does not read',
  422: 'Passes the schema but cannot be used',
  429: 'Too many requests in this minute or at once, or too many wrong keys from this address; Retry-After says when to go on',
  503: 'Cannot be answered now; Retry-After says when to try again',
};

/** Response schemas for these failures, all of one form. */
export function problems(...statuses: number[]) {
  // A call that takes a body can wait for it in vain.
  const late = statuses.includes(413) ? [408] : [];
  return Object.fromEntries(
    [400, ...late, ...statuses, 429, 503].map((status) => [
      status,
      { description: descriptions[status] ?? 'Failed', content: { 'application/problem+json': { schema: Problem } } },
    ]),
  );
}

/** What every admin call may answer beside its own. */
export function adminProblems(...statuses: number[]) {
  return problems(401, 403, ...statuses, 429);
}
