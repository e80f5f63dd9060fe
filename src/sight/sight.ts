import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Metrics, Reading } from './metrics.js';
import type { MetricsServer } from './metrics-server.js';
import { createOnlooker, type Onlooker } from './onlooker.js';
import type * as Spans from './request-spans.js';
import { count } from './request-tally.js';
import { createSampling, type Sampling } from './sampling.js';
import type { Tracing } from './tracing.js';

/** What an operator sees of this process: metrics and traces, each off unless configured. */
export interface Sight {
  /** For the cache and the database; undefined where nobody looks, which then costs nothing. */
  onlooker: Onlooker | undefined;
  /** For what is answered before the router; undefined where nobody looks. */
  hits: HitSight | undefined;
  /** What every line of the log says of the request that it is about. */
  logFields(): { traceId?: string };
  /** Before the first route. */
  register(app: FastifyInstance): Promise<void>;
  /** An answer that no hook has seen, because the request could not be read. */
  unreadable(status: number): void;
  /** Opens the port of the metrics, where there is one. Throws an Error of one line that says what to do. */
  listen(): Promise<{ url: string } | null>;
  close(): Promise<void>;
}

export interface HitSight {
  passes(): number;
  begin(request: IncomingMessage): number;
  answered(status: 200 | 304): void;
  end(request: IncomingMessage, status: 200 | 304, requestId: string, tracedSince: number): void;
  took(ms: number): void;
}

/** How many requests a second are traced because their paths say so, and how many because their callers do. */
const askedPerSecond = 100;
/** And how many of those that nothing is said of: each costs many times what a hit does. */
const drawnPerSecond = 10;

/** Where traces go, with which headers, as whom, and of which part of the requests. */
interface TracesTo {
  endpoint: string;
  headers: Record<string, string>;
  service: string;
  ratio: number;
}

/** Neither library is loaded where it is not asked for. */
export async function openSight(options: {
  metrics: { host: string; port: number } | undefined;
  traces: TracesTo | undefined;
  version: string;
  instance: string;
  read: () => Promise<Reading>;
  onScrapeError: (error: unknown) => void;
  onExportError: (error: Error) => void;
}): Promise<Sight> {
  const metrics = options.metrics ? (await import('./metrics.js')).createMetrics(options.read) : null;
  const traced = options.traces ? await openTraces(options.traces, options) : null;
  let server: MetricsServer | undefined;

  return {
    onlooker: metrics || traced ? createOnlooker(metrics, traced?.tracing ?? null) : undefined,
    hits: metrics || traced ? hitsOf(metrics, traced) : undefined,
    logFields() {
      const traceId = traced?.tracing.current()?.traceId;
      return traceId === undefined ? {} : { traceId };
    },
    async register(app) {
      if (traced) await app.register(traced.spans.requestSpansPlugin, traced);
      if (metrics) await app.register((await import('./request-metrics.js')).requestMetricsPlugin, { metrics });
    },
    unreadable(status) {
      if (!metrics) return;
      count(metrics.tally('any', 'none'), status);
      metrics.problem('unreadable');
    },
    async listen() {
      if (!metrics || !options.metrics) return null;
      const { serveMetrics } = await import('./metrics-server.js');
      server = await serveMetrics({ ...options.metrics, contentType: metrics.contentType, render: metrics.render, onError: options.onScrapeError });
      return { url: server.url };
    },
    async close() {
      await traced?.tracing.close();
      await server?.close();
    },
  };
}

interface Traces {
  tracing: Tracing;
  sampling: Sampling;
  draw: Spans.Draw;
  spans: typeof Spans;
}

async function openTraces(
  { ratio, ...to }: TracesTo,
  { version, instance, onExportError }: { version: string; instance: string; onExportError: (error: Error) => void },
): Promise<Traces> {
  const [{ createTracing }, spans] = await Promise.all([import('./tracing.js'), import('./request-spans.js')]);
  const tracing = createTracing({ ...to, version, instance, onFault: onExportError });
  const sampling = createSampling({ ratio, askedPerSecond, drawnPerSecond });
  return { tracing, sampling, draw: spans.createDraw(sampling), spans };
}

const hitRoute = '/v1/products/:slug';

function hitsOf(metrics: Metrics | null, traced: Traces | null): HitSight {
  const tally = metrics?.tally('GET', hitRoute);
  return {
    passes: () => traced?.sampling.passes() ?? Number.POSITIVE_INFINITY,
    // Without a word of its caller it has been drawn by lot.
    begin: (request) =>
      traced?.draw(request, request.headers.traceparent === undefined ? true : undefined) ? performance.timeOrigin + performance.now() : 0,
    answered(status) {
      if (tally) count(tally, status);
    },
    end(request, status, requestId, since) {
      if (traced) traced.spans.spanOfHit(traced.tracing, request, hitRoute, status, requestId, since);
    },
    took: (ms) => metrics?.histograms.hit.observe(ms / 1000),
  };
}
