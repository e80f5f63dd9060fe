import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, type TimeInput, trace } from '@opentelemetry/api';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createSpanExporter } from './span-exporter.js';

export type Attributes = Record<string, string | number>;

/** What a request's work belongs to. Without a span nothing of it is recorded, yet the log names the caller's trace. */
export interface Traced {
  traceId: string;
  span: Span | null;
}

/** Spans of this process, sent out in batches. Everything here is beside the request: nobody waits for a collector, and a full queue drops. */
export interface Tracing {
  /** Runs `work` in a span below the one it is called in; by itself where that is none. */
  span<T>(name: string, kind: 'internal' | 'client', attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** A span, below the one this is called in, of what is over already. */
  past(name: string, from: TimeInput, to: TimeInput, attributes: Attributes, events: { name: string; at: TimeInput; attributes: Attributes }[]): void;
  /** The span of a request, below its caller's where there is one. */
  start(name: string, parent: SpanContext | null, attributes: Attributes, since?: TimeInput): Span;
  /** Runs `work`, and what it leads to, as part of a request. */
  within<T>(traced: Traced, work: () => T): T;
  /** A request begins, once; `leave` tells that it is over. */
  enter(traced: Traced): void;
  leave(traced: Traced): void;
  current(): Traced | undefined;
  /** Sends what is left, for as long as that is worth waiting for. */
  close(): Promise<void>;
}

const exportMs = 5000;
const closeMs = 2000;

/**
 * @param endpoint of a collector that speaks OTLP over HTTP, without the path
 * @param headers that go with every batch, such as the collector's key
 * @param onFault told where the collector does not take what it is sent
 */
export function createTracing(options: {
  endpoint: string;
  headers: Record<string, string>;
  service: string;
  version: string;
  instance: string;
  onFault: (error: Error) => void;
}): Tracing {
  const url = `${options.endpoint.replace(/\/$/, '')}/v1/traces`;
  const resource = { 'service.name': options.service, 'service.version': options.version, 'service.instance.id': options.instance };
  const exporter = createSpanExporter({ exporter: { url, headers: options.headers, timeoutMillis: exportMs }, resource, onFault: options.onFault });
  const provider = new TracerProvider({
    // Whether a request is traced has been decided before its first span.
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32, eventCountLimit: 64 },
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1000, exportTimeoutMillis: exportMs })],
  });
  const tracer = provider.getTracer('truetag', options.version);
  // Of our own, and not the one of the API, which a process has once.
  const requests = new AsyncLocalStorage<Traced>();
  /** Requests that are under way. */
  const inside = new Set<Traced>();
  const below = (parent: Span) => trace.setSpan(ROOT_CONTEXT, parent);

  return {
    async span(name, kind, attributes, work) {
      const above = requests.getStore();
      if (!above?.span) return work();
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, below(above.span));
      try {
        return await requests.run({ traceId: above.traceId, span }, work);
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        span.end();
      }
    },
    past(name, from, to, attributes, events) {
      const parent = requests.getStore()?.span;
      if (!parent) return;
      const span = tracer.startSpan(name, { startTime: from, attributes }, below(parent));
      for (const event of events) span.addEvent(event.name, event.attributes, event.at);
      span.end(to);
    },
    start(name, parent, attributes, since) {
      const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
      return tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, ...(since === undefined ? {} : { startTime: since }) }, context);
    },
    within: (traced, work) => requests.run(traced, work),
    enter: (traced) => void inside.add(traced),
    leave(traced) {
      inside.delete(traced);
      // Up to Node 22 every promise and every socket pays as long as anybody may ask for its context, hits included. What a request has left for the
      // turn after its answer may still ask.
      setImmediate(() => inside.size === 0 && requests.disable());
    },
    current: () => requests.getStore(),
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          options.onFault(new Error('the collector has not taken the last spans in time'));
          resolve();
        }, closeMs);
      });
      // A flush that fails, of which the exporter tells, keeps the provider from ending it.
      const ended = provider.shutdown().then(
        () => {},
        () => exporter.shutdown(),
      );
      await Promise.race([ended, late]);
      clearTimeout(timer);
    },
  };
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT };

/** What kind of error it was, and not what it says: a message may quote what somebody has sent. */
function fail(span: Span, error: unknown): void {
  const type = error instanceof Error ? ('code' in error && typeof error.code === 'string' ? error.code : error.name) : 'unknown';
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
