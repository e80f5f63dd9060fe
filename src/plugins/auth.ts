import type { FastifyRequest, RouteOptions } from 'fastify';
import plugin from 'fastify-plugin';
import type { Caller } from '../access/caller.js';
import type { Scope } from '../access/scope.js';
import { addressOf } from './address-of.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key needs to be let in here. Every route of the admin says so. */
    scope?: Scope;
    /** What it needs besides, each where the body carries what the scope is about. */
    scopesOfBody?: Partial<Record<Scope, (body: never) => boolean>>;
  }
  interface FastifyRequest {
    /** Who sends this; null outside of the admin. */
    caller: Caller | null;
  }
}

export interface AuthOptions {
  /** Throws where nobody is let in with this key. */
  identify: (token: string | undefined, address: string) => Promise<Caller>;
  /** Throws where the caller lacks the scope. */
  requireScope: (caller: Caller, scope: Scope, because?: string) => void;
  isScope: (name: string) => boolean;
}

/**
 * Lets a request through to a route that declares a scope only with a key that has it. A route of the admin that declares none stops the
 * start: forgetting it would leave the route open. The key comes before everything else, so that nobody without one learns what is there.
 */
export const authPlugin = plugin<AuthOptions>(async (app, { identify, requireScope, isScope }) => {
  app.decorateRequest('caller', null);
  app.addHook('onRoute', (route) => {
    const { scope, scopesOfBody = {} } = route.config ?? {};
    if (route.config?.isRefusal || (scope === undefined && !isAdmin(route.url))) return;
    for (const name of [scope, ...Object.keys(scopesOfBody)]) {
      if (name === undefined || !isScope(name)) throw new Error(`${nameOf(route)} declares no scope that there is (config.scope): ${name}`);
    }
    route.onRequest = before(route.onRequest, async (request) => {
      request.caller = await identify(tokenOf(request), addressOf(request));
      requireScope(request.caller, scope as Scope);
    });
    if (Object.keys(scopesOfBody).length === 0) return;
    route.preHandler = before(route.preHandler, async ({ caller, body }) => {
      for (const [needed, isCarried] of Object.entries(scopesOfBody)) {
        if (isCarried(body as never)) requireScope(caller as Caller, needed as Scope, 'The body carries what needs another scope. ');
      }
    });
  });
});

function isAdmin(url: string): boolean {
  return url === '/v1/admin' || url.startsWith('/v1/admin/');
}

function tokenOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

function before<Hook>(existing: Hook | Hook[] | undefined, hook: (request: FastifyRequest) => Promise<void>): Hook[] {
  return [hook as Hook, ...(existing === undefined ? [] : ([existing].flat() as Hook[]))];
}

function nameOf({ method, url }: RouteOptions): string {
  return `${[method].flat().join(', ')} ${url}`;
}
