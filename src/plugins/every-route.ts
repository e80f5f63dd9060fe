import plugin from 'fastify-plugin';
import type { Logger } from 'pino';
import { type AuthOptions, authPlugin } from './auth.js';
import { bodyDeadlinePlugin } from './body-deadline.js';
import { cacheControlPlugin } from './cache-control.js';
import { type ClosedConnections, connectionLimitsPlugin } from './connection-limits.js';
import { corsPlugin } from './cors.js';
import { jsonBodyPlugin } from './json-body.js';
import { loadSheddingPlugin, type WaitingLine } from './load-shedding.js';
import { problemPlugin } from './problem.js';
import { rateLimitPlugin } from './rate-limit.js';
import type { SharedCounts } from './request-counter.js';
import { requestIdPlugin } from './request-id.js';
import { requestLogPlugin } from './request-log.js';
import { type Headers, securityHeadersPlugin } from './security-headers.js';
import { strictRequestPlugin } from './strict-request.js';
import { underWayLimitPlugin } from './under-way-limit.js';
import { unsupportedHeadersPlugin } from './unsupported-headers.js';

export interface EveryRouteOptions {
  log: Logger;
  /** What every answer has. */
  headers: Headers;
  auth: AuthOptions;
  limits: {
    corsOrigins: readonly string[];
    maxConnections: number;
    shedDelayMs: number;
    memoryLimitBytes: number;
    bodyTimeoutMs: number;
    adminPerMinute: number;
    maxUnderWayPerKey: number;
    storefrontPerMinute: number;
  };
  /** Who waits for a connection to read with. */
  line: WaitingLine;
  /** Where requests are counted for all instances; null: each counts its own. */
  counts: SharedCounts | null;
  /** Where connections that are closed for a limit are counted. */
  closed: ClosedConnections;
  /** Told of connections that are closed because there are as many as may be. */
  onDrop: (error: Error) => void;
}

const sheddingLines = {
  process: {
    begins: 'Too much to do: listings, batches, stock, quotes, categories and new imports are turned away',
    ends: 'There is time for everything again: nobody is turned away for want of it',
  },
  database: {
    begins: 'Too many wait to read from Postgres: listings, categories, stock and quotes that have to be read there are turned away',
    ends: 'Postgres answers everybody again: nobody is turned away for want of it',
  },
};

/** What every route shares, in the order in which a request meets it. */
export const everyRoutePlugin = plugin<EveryRouteOptions>(async (app, { log, headers, auth, limits, line, counts, closed, onDrop }) => {
  await app.register(requestIdPlugin);
  await app.register(securityHeadersPlugin, { headers });
  await app.register(corsPlugin, { origins: limits.corsOrigins });
  await app.register(cacheControlPlugin);
  await app.register(problemPlugin, { log });
  await app.register(requestLogPlugin, { log, traceIdOf: ({ traced }) => traced?.traceId });
  await app.register(connectionLimitsPlugin, {
    ...{ maxConnections: limits.maxConnections, closed },
    onDrop: () => onDrop(new Error(`more than MAX_CONNECTIONS=${limits.maxConnections}`)),
  });
  await app.register(strictRequestPlugin);
  await app.register(loadSheddingPlugin, {
    ...{ maxDelayMs: limits.shedDelayMs, memoryLimitBytes: limits.memoryLimitBytes },
    line,
    onChange: (what, isShedding) => log.warn(sheddingLines[what][isShedding ? 'begins' : 'ends']),
  });
  await app.register(bodyDeadlinePlugin, { timeoutMs: limits.bodyTimeoutMs });
  await app.register(jsonBodyPlugin);
  // Who it is comes before how often, which is counted by who it is.
  await app.register(authPlugin, auth);
  await app.register(rateLimitPlugin, { adminPerMinute: limits.adminPerMinute, storefrontPerMinute: limits.storefrontPerMinute, shared: counts });
  await app.register(underWayLimitPlugin, { maxUnderWay: limits.maxUnderWayPerKey });
  await app.register(unsupportedHeadersPlugin);
});
