import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { matchesNone } from '../catalog/etag.js';
import type { ProductService } from '../catalog/product-service.js';
import { cacheStatus } from './http-cache.js';

/** Answers a request and says true, or leaves it untouched and says false. */
export type FirstHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

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
}): FirstHandler {
  return (request, response) => {
    const { url = '', method } = request;
    if (method !== 'GET' || !url.startsWith(prefix) || !deps.isOpen()) return false;
    const slug = url.slice(prefix.length);
    const { headers } = request;
    if (!plainSlug.test(slug) || headers.host === undefined || headers.expect !== undefined) return false;
    const hit = deps.products.hitBySlug(slug);
    if (!hit || hit.etag === null) return false;
    const shared = [
      'x-request-id',
      deps.requestIdOf(request),
      'cache-control',
      'private, no-cache',
      'cache-status',
      cacheStatus[hit.outcome],
      'etag',
      hit.etag,
    ];
    if (matchesNone(headers['if-none-match'], hit.etag)) response.writeHead(304, shared).end();
    else
      response
        .writeHead(200, [...shared, 'content-type', 'application/json; charset=utf-8', 'content-length', String(hit.body.length)])
        .end(hit.body);
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

const prefix = '/v1/products/';
const plainSlug = /^[a-z0-9-]{1,255}$/;
