import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';
import { describe } from './failure.js';
import { problemBytes } from './problem.js';
import { type Count, createRequestCounter, type SharedCounts, windowS } from './request-counter.js';

declare module 'fastify' {
  interface FastifyRequest {
    isCounted: boolean;
  }
}

/** Whose requests are counted together once it is known who sends them. */
export function keyOf({ caller }: FastifyRequest): string {
  if (caller === null) throw new Error('A request is counted by its key before it has been looked at');
  return caller.keyId;
}

/**
 * So many requests in a minute for each admin key, and for each address of the storefront; 0 is no limit. Comes after authentication, because a
 * key that is none would be another caller with every guess: what is refused for its key is counted by address instead, and never costs
 * anybody who has one. Headers as in draft-ietf-httpapi-ratelimit-headers-10.
 */
export const rateLimitPlugin = plugin<{ adminPerMinute: number; storefrontPerMinute: number; shared: SharedCounts | null }>(
  async (app, { adminPerMinute, storefrontPerMinute, shared }) => {
    app.decorateRequest('isCounted', false);
    const counter = (name: string, perMinute: number, key?: typeof keyOf) =>
      createRequestCounter(app, { name, perMinute, shared, ...(key && { keyOf: key }) });

    if (storefrontPerMinute > 0) {
      const count = await counter('storefront', storefrontPerMinute);
      app.addHook('onRoute', (route) => {
        if (!hasLimit(route) || isAdmin(route)) return;
        route.onRequest = [
          (request: FastifyRequest, reply: FastifyReply) => admit('storefront', count, request, reply),
          ...[route.onRequest ?? []].flat(),
        ];
      });
    }

    if (adminPerMinute > 0) {
      const count = await counter('admin', adminPerMinute, keyOf);
      const countRefused = await counter('refused', adminPerMinute);
      app.addHook('onRoute', (route) => {
        if (!hasLimit(route) || !isAdmin(route)) return;
        route.onRequest = [
          ...[route.onRequest ?? []].flat(),
          (request: FastifyRequest, reply: FastifyReply) => admit('admin', count, request, reply),
        ];
        route.onSend = [
          ...[route.onSend ?? []].flat(),
          async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
            if (reply.statusCode !== 401 && reply.statusCode !== 403 && request.problemCode !== 'too_many_wrong_keys') return payload;
            return admit('admin', countRefused, request, reply).then(
              () => payload,
              (error: AppError) => insteadOf(reply, error, request),
            );
          },
        ];
      });
    }
  },
);

/** Tells how much is left, and throws `rate_limited` where nothing is. A request counts once, whatever hooks it passes. */
async function admit(
  policy: string,
  count: (request: FastifyRequest) => Promise<Count>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (request.isCounted) return;
  request.isCounted = true;
  const { max, remaining, resetS, isExceeded } = await count(request);
  reply.header('ratelimit-policy', `"${policy}";q=${max};w=${windowS}`).header('ratelimit', `"${policy}";r=${remaining};t=${resetS}`);
  if (isExceeded) throw new AppError('rate_limited', `These were more than ${max} requests in a minute`, { retryAfterS: resetS });
}

/** An answer on its way out becomes this problem. */
function insteadOf(reply: FastifyReply, error: AppError, request: FastifyRequest): Buffer {
  const failure = describe(error);
  request.problemCode = failure.code;
  reply.code(failure.status).header('retry-after', String(failure.retryAfterS)).removeHeader('www-authenticate').removeHeader('content-length');
  return problemBytes(request, failure);
}

function hasLimit({ url, config }: RouteOptions): boolean {
  return (url.startsWith('/v1/') || url.startsWith('/media/')) && config?.isRefusal !== true;
}

function isAdmin({ url }: RouteOptions): boolean {
  return url.startsWith('/v1/admin/');
}
