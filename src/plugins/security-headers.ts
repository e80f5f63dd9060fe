import type { FastifyReply } from 'fastify';
import plugin from 'fastify-plugin';
import helmet, { type HelmetOptions } from 'helmet';

export type Headers = Readonly<Record<string, string>>;

/**
 * What every answer tells a browser: to take it for nothing but what it says it is, to load nothing for it and to show it in no frame, and to
 * tell nobody where it came from. Made once, by helmet, because product hits and answers to what cannot be parsed pass no hook. What helmet
 * has for pages alone is left out, and so is Cross-Origin-Resource-Policy: a shop's pages stand elsewhere and show pictures from here.
 * @param hstsMaxAgeS 0: nothing is said about TLS, of which the service itself knows nothing
 */
export function securityHeaders({ hstsMaxAgeS }: { hstsMaxAgeS: number }): Headers {
  return made({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: hstsMaxAgeS > 0 && { maxAge: hstsMaxAgeS, includeSubDomains: false },
  });
}

/** The page at /docs runs scripts of its own, and its styles and icons stand in the page. */
const docsPolicy = made({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      ...{ defaultSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ["'self'", 'data:'] },
      ...{ frameAncestors: ["'none'"], baseUri: ["'none'"], objectSrc: ["'none'"] },
    },
  },
});

/** These headers on every answer that passes a hook; a route that sets one of them keeps its own. */
export const securityHeadersPlugin = plugin<{ headers: Headers }>(async (app, { headers }) => {
  const docs = { ...headers, ...docsPolicy };
  app.addHook('onRequest', (request, reply: FastifyReply, done) => {
    reply.headers(request.routeOptions.url?.startsWith('/docs') ? docs : headers);
    done();
  });
});

function made(options: Pick<HelmetOptions, 'contentSecurityPolicy' | 'strictTransportSecurity'>): Headers {
  const headers: Record<string, string> = {};
  const response = { setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value), removeHeader: () => {} };
  const forPages = {
    crossOriginOpenerPolicy: false,
    crossOriginResourcePolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    strictTransportSecurity: false,
  } as const;
  helmet({ ...forPages, ...options })({} as never, response as never, (error) => {
    if (error !== undefined) throw error;
  });
  return headers;
}
