import type { IncomingMessage } from 'node:http';
import { SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';
import plugin from 'fastify-plugin';
import type { Sampling } from './sampling.js';
import type { Traced, Tracing } from './tracing.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace that this request belongs to, where tracing is on and there is one. */
    traced?: Traced | undefined;
  }
}

/** Which requests are traced, asked once for each. */
export interface Draw {
  /** Before the router: true where the request has to go through it, since that is where spans are made. */
  isTraced(request: IncomingMessage): boolean;
  /** What was asked about before the router goes on to it after all, untraced as was decided. */
  passOver(request: IncomingMessage): void;
  /** Whether a request that has come to the router is traced. */
  of(request: IncomingMessage): boolean;
}

export function createDraw(sampling: Sampling): Draw {
  const drawn = new WeakMap<IncomingMessage, boolean>();
  const draw = ({ headers, url }: IncomingMessage) => {
    const parent = headers.traceparent;
    const isParentSampled = typeof parent === 'string' ? flagOf(parent) : undefined;
    return sampling.isSampled(isParentSampled, url?.startsWith('/v1/admin/') === true);
  };
  return {
    isTraced(request) {
      const isSampled = draw(request);
      if (isSampled) drawn.set(request, true);
      return isSampled;
    },
    passOver: (request) => void drawn.set(request, false),
    of: (request) => drawn.get(request) ?? draw(request),
  };
}

/** A span for every request that is traced, below its caller's (W3C Trace Context), and all that it leads to below that. */
export const requestSpansPlugin = plugin<{ tracing: Tracing; draw: Draw }>(async (app, { tracing, draw }) => {
  app.decorateRequest('traced', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const parent = parentOf(request.raw);
    const isSampled = draw.of(request.raw);
    if (!isSampled && parent === null) return done();
    if (!isSampled) request.traced = { traceId: (parent as NonNullable<typeof parent>).traceId, span: null };
    else {
      const { method, url } = request.routeOptions;
      const name = url === undefined ? request.method : `${[method].flat().length > 1 ? request.method : method} ${url}`;
      const span = tracing.start(name, parent, {
        'http.request.method': request.method,
        ...(url === undefined ? {} : { 'http.route': url }),
        'truetag.request_id': request.id,
      });
      request.traced = { traceId: span.spanContext().traceId, span };
      // Also where the caller has gone before its answer was out.
      reply.raw.once('close', () => {
        span.setAttribute('http.response.status_code', reply.statusCode);
        if (!reply.raw.writableFinished) span.setAttribute('error.type', 'aborted');
        if (reply.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
    }
    tracing.within(request.traced, done);
  });
  // A body arrives in turns of the event loop that belong to the connection.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.traced === undefined) done();
    else tracing.within(request.traced, done);
  });
});

function flagOf(traceparent: string): boolean | undefined {
  const parent = parseTraceParent(traceparent);
  return parent === null ? undefined : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
}

function parentOf({ headers }: IncomingMessage) {
  const { traceparent, tracestate } = headers;
  const parent = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  if (parent === null) return null;
  return { ...parent, isRemote: true, ...(typeof tracestate === 'string' ? { traceState: new TraceState(tracestate) } : {}) };
}
