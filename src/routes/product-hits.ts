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
  /** True where this request is to be traced: then it takes the way through the router. */
  isTraced(request: IncomingMessage): boolean;
  /** It was not to be traced and goes through the router all the same, because memory cannot answer it. */
  passOver(request: IncomingMessage): void;
  answered(status: 200 | 304): void;
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
  /** False while draining: the router then tells the client that the connection ends. */
  isOpen: () => boolean;
  watch?: HitWatch | undefined;
}): FirstHandler {
  const { watch } = deps;
  const send = createReadySender();
  let untilSample = sampleEvery;
  /** Dropped with the prepared product that they show. */
  const answers = new WeakMap<PreparedProduct, ReturnType<typeof answersOf>>();

  return (request, response) => {
    const { url = '', method } = request;
    if (method !== 'GET' || !url.startsWith(prefix) || !deps.isOpen()) return false;
    const slug = url.slice(prefix.length);
    const { headers } = request;
    if (!plainSlug.test(slug) || headers.host === undefined || headers.expect !== undefined) return false;
    let startedAt = 0;
    if (watch) {
      if (watch.isTraced(request)) return false;
      untilSample -= 1;
      if (untilSample === 0) startedAt = performance.now();
    }
    const hit = deps.products.hitBySlug(slug);
    if (!hit) {
      if (untilSample === 0) untilSample = 1;
      watch?.passOver(request);
      return false;
    }
    let ready = answers.get(hit);
    if (ready === undefined) {
      ready = answersOf(hit);
      answers.set(hit, ready);
    }
    const isUnchanged = matchesNone(headers['if-none-match'], hit.etag);
    send(request, response, isUnchanged ? ready.unchanged : ready.full, deps.requestIdOf(request));
    if (watch) {
      watch.answered(isUnchanged ? 304 : 200);
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

function answersOf({ etag, latin1 }: PreparedProduct) {
  const shared = ['cache-control', 'private, no-cache', 'cache-status', cacheStatus.memory, 'etag', etag];
  const content = ['content-type', 'application/json; charset=utf-8', 'content-length', String(latin1.length)];
  return { unchanged: readyAnswer(304, shared), full: readyAnswer(200, [...shared, ...content], latin1) };
}

const prefix = '/v1/products/';
const plainSlug = /^[a-z0-9-]{1,255}$/;
