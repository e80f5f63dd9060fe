import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { matchesNone } from '../catalog/etag.js';
import type { ProductService } from '../catalog/product-service.js';
import type { PreparedProduct } from '../catalog/product-view.js';
import { cacheStatus } from './http-cache.js';
import { createReadySender, readyAnswer } from './ready-answer.js';

/** Answers a request and says true, or leaves it untouched and says false. */
export type FirstHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Whoever counts and traces. A hit pays for every call here, so what is behind it must be next to nothing. */
export interface HitWatch {
  /** How many hits whose callers say nothing of a trace are passed over before `begin` is asked about one. */
  passes(): number;
  /** Whether a hit is traced, and since when; 0 where it is not. */
  begin(request: IncomingMessage): number;
  answered(status: 200 | 304): void;
  /** A hit that is traced is over. */
  end(request: IncomingMessage, status: 200 | 304, requestId: string, tracedSince: number): void;
  /** How long a hit took, in ms, for one request in `sampleEvery`. */
  took(ms: number): void;
}

/** Looking at the clock twice costs more than counting does. */
const sampleEvery = 128;

/**
 * GET /v1/products/{slug} for what memory may answer by itself, before the router: such a request has nothing to validate, and its answer
 * nothing to serialise. Only plain slugs without parameters come here, and every header is the one that the route would send; anything
 * else, a conditional request that is not a match included, is the same either way.
 */
export function createProductHits(deps: {
  products: Pick<ProductService, 'hitBySlug'>;
  requestIdOf: (request: IncomingMessage) => string;
  /** Whether a head names more than one host, which the router's side refuses. */
  hasSecondHost: (rawHeaders: readonly string[]) => boolean;
  /** False while draining: the router then tells the client that the connection ends. */
  isOpen: () => boolean;
  /** What every answer has. */
  headers: Readonly<Record<string, string>>;
  /** A request with more goes to the router, which refuses it. */
  maxHeaders: number;
  /** Whether pages of other origins may read answers. The router tells them so; whoever names no origin learns that answers differ by it. */
  variesByOrigin: boolean;
  watch?: HitWatch | undefined;
}): FirstHandler {
  const { watch } = deps;
  const maxRawHeaders = 2 * deps.maxHeaders;
  const always = [...(deps.variesByOrigin ? ['vary', 'Origin'] : []), ...Object.entries(deps.headers).flat()];
  const send = createReadySender();
  let untilSample = sampleEvery;
  let untilDrawn = watch?.passes() ?? 0;
  /** Dropped with the prepared product that they show. */
  const answers = new WeakMap<PreparedProduct, ReturnType<typeof answersOf>>();

  return (request, response) => {
    const { url = '', method } = request;
    if (method !== 'GET' || !url.startsWith(prefix) || !deps.isOpen()) return false;
    const slug = url.slice(prefix.length);
    const { headers } = request;
    if (!plainSlug.test(slug) || headers.host === undefined || headers.expect !== undefined) return false;
    const { rawHeaders } = request;
    if (rawHeaders.length > maxRawHeaders || deps.hasSecondHost(rawHeaders) || (deps.variesByOrigin && headers.origin !== undefined)) return false;
    const startedAt = watch && untilSample === 1 ? performance.now() : 0;
    const hit = deps.products.hitBySlug(slug);
    if (!hit) return false;
    let tracedSince = 0;
    if (watch) {
      if (headers.traceparent !== undefined) tracedSince = watch.begin(request);
      else if (untilDrawn > 0) untilDrawn -= 1;
      else {
        untilDrawn = watch.passes();
        tracedSince = watch.begin(request);
      }
    }
    let ready = answers.get(hit);
    if (ready === undefined) {
      ready = answersOf(hit, always);
      answers.set(hit, ready);
    }
    const isUnchanged = matchesNone(headers['if-none-match'], hit.etag);
    const requestId = deps.requestIdOf(request);
    send(request, response, isUnchanged ? ready.unchanged : ready.full, requestId);
    if (watch) {
      const status = isUnchanged ? 304 : 200;
      watch.answered(status);
      if (tracedSince > 0) watch.end(request, status, requestId, tracedSince);
      untilSample -= 1;
      if (untilSample === 0) {
        untilSample = sampleEvery;
        watch.took(performance.now() - startedAt);
      }
    }
    return true;
  };
}

/** Puts a handler before whatever answers the server's requests now. */
export function serveFirst(server: Server, first: FirstHandler): void {
  const rest = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (first(request, response)) return;
    for (const handle of rest) handle(request, response);
  });
}

function answersOf({ etag, latin1 }: PreparedProduct, always: readonly string[]) {
  const shared = ['cache-control', 'private, no-cache', 'cache-status', cacheStatus.memory, 'etag', etag, ...always];
  const content = ['content-type', 'application/json; charset=utf-8', 'content-length', String(latin1.length)];
  return { unchanged: readyAnswer(304, shared), full: readyAnswer(200, [...shared, ...content], latin1) };
}

const prefix = '/v1/products/';
const plainSlug = /^[a-z0-9-]{1,255}$/;
