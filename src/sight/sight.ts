import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Metrics, Reading } from './metrics.js';
import type { MetricsServer } from './metrics-server.js';
import { createOnlooker, type Onlooker } from './onlooker.js';
import { count } from './request-tally.js';
import { createSampling } from './sampling.js';
import type { Tracing } from './tracing.js';

/** What an operator sees of this process: metrics and traces, each off unless configured. */
export interface Sight {
  /** For the cache and the database; undefined where nobody looks, which then costs nothing. */
  onlooker: Onlooker | undefined;
  /** For what is answered before the router. */
  hits:
    | {
        isTraced(request: IncomingMessage): boolean;
        passOver(request: IncomingMessage): void;
        answered(status: 200 | 304): void;
        took(ms: number): void;
      }
    | undefined;
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

/** How many requests a second are traced because their callers say so. */
const callersPerSecond = 100;

/** Neither library is loaded where it is not asked for. */
export async function openSight(options: {
  metrics: { host: string; port: number } | undefined;
  traces: { endpoint: string; service: string; ratio: number } | undefined;
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
    hits: metrics || traced ? hitsOf(metrics, traced?.draw ?? null) : undefined,
    logFields() {
      const traceId = traced?.tracing.current()?.traceId;
      return traceId === undefined ? {} : { traceId };
    },
    async register(app) {
      if (traced) await app.register(traced.plugin, { tracing: traced.tracing, draw: traced.draw });
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

async function openTraces(
  { endpoint, service, ratio }: { endpoint: string; service: string; ratio: number },
  { version, instance, onExportError }: { version: string; instance: string; onExportError: (error: Error) => void },
): Promise<{
  tracing: Tracing;
  draw: ReturnType<typeof import('./request-spans.js').createDraw>;
  plugin: typeof import('./request-spans.js').requestSpansPlugin;
}> {
  const [{ createTracing }, { createDraw, requestSpansPlugin }] = await Promise.all([import('./tracing.js'), import('./request-spans.js')]);
  return {
    tracing: createTracing({ endpoint, service, version, instance, onFault: onExportError }),
    draw: createDraw(createSampling({ ratio, callersPerSecond })),
    plugin: requestSpansPlugin,
  };
}

function hitsOf(
  metrics: Metrics | null,
  draw: Pick<ReturnType<typeof import('./request-spans.js').createDraw>, 'isTraced' | 'passOver'> | null,
): NonNullable<Sight['hits']> {
  const tally = metrics?.tally('GET', '/v1/products/:slug');
  return {
    isTraced: draw ? draw.isTraced : () => false,
    passOver: draw ? draw.passOver : () => {},
    answered(status) {
      if (tally) count(tally, status);
    },
    took: (ms) => metrics?.histograms.hit.observe(ms / 1000),
  };
}
