import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Span, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { Sampling } from './sampling.js';
import type { Traced, Tracing } from './tracing.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace that this request belongs to, where tracing is on and there is one. */
    traced?: Traced | undefined;
  }
}

/** Whether a request is traced, asked once for each. `isDrawn`: see Sampling. */
export type Draw = (request: IncomingMessage, isDrawn?: boolean) => boolean;

export function createDraw(sampling: Sampling): Draw {
  return ({ headers, url }, isDrawn) => {
    const parent = headers.traceparent;
    const isParentSampled = typeof parent === 'string' ? flagOf(parent) : undefined;
    return sampling.isSampled(isParentSampled, url?.startsWith('/v1/admin/') === true, isDrawn);
  };
}

/** A span for every request that is traced, below its caller's (W3C Trace Context), and all that it leads to below that. */
export const requestSpansPlugin = plugin<{ tracing: Tracing; sampling: Sampling; draw: Draw }>(async (app, { tracing, sampling, draw }) => {
  app.decorateRequest('traced', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const parent = callerOf(request.raw);
    const isSampled = draw(request.raw);
    if (!isSampled && (parent === null || !sampling.mayCarry())) return done();
    const traced = isSampled ? open(request, parent) : { traceId: parent?.traceId ?? '', span: null };
    request.traced = traced;
    // Also where the caller has gone before its answer was out.
    reply.raw.once('close', () => {
      if (traced.span) end(traced.span, reply.raw);
      tracing.leave(traced);
    });
    tracing.enter(traced);
    tracing.within(traced, done);
  });
  // A body arrives in turns of the event loop that belong to the connection.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.traced === undefined) done();
    else tracing.within(request.traced, done);
  });

  function open(request: FastifyRequest, parent: ReturnType<typeof callerOf>): Traced {
    const { url } = request.routeOptions;
    const span = tracing.start(url === undefined ? request.method : `${request.method} ${url}`, parent, {
      'http.request.method': request.method,
      ...(url === undefined ? {} : { 'http.route': url }),
      'truetag.request_id': request.id,
    });
    return { traceId: span.spanContext().traceId, span };
  }
});

function end(span: Span, { statusCode, writableFinished }: ServerResponse): void {
  span.setAttribute('http.response.status_code', statusCode);
  if (!writableFinished) span.setAttribute('error.type', 'aborted');
  if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function flagOf(traceparent: string): boolean | undefined {
  const parent = parseTraceParent(traceparent);
  return parent === null ? undefined : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** The span of the caller that a request names, as far as it can be read. */
export function callerOf({ headers }: IncomingMessage) {
  const { traceparent, tracestate } = headers;
  const parent = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  if (parent === null) return null;
  return { ...parent, isRemote: true, ...(typeof tracestate === 'string' ? { traceState: new TraceState(tracestate) } : {}) };
}

/** The span of a product hit, which has been answered before the router and led to nothing else. */
export function spanOfHit(tracing: Tracing, request: IncomingMessage, route: string, status: number, requestId: string, since: number): void {
  const span = tracing.start(
    `GET ${route}`,
    callerOf(request),
    {
      ...{ 'http.request.method': 'GET', 'http.route': route, 'http.response.status_code': status, 'truetag.request_id': requestId },
      'truetag.cache': 'memory',
    },
    since,
  );
  span.end();
}
