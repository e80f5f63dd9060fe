import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Outcome } from '../catalog/outcome.js';

const cacheStatus: Record<Outcome, string> = {
  memory: 'truetag; hit; detail=memory',
  validated: 'truetag; hit; detail=validated',
  redis: 'truetag; hit; detail=redis',
  absent: 'truetag; hit; detail=absent',
  stale: 'truetag; hit; detail=stale',
  stored: 'truetag; fwd=miss; stored',
  collapsed: 'truetag; fwd=miss; collapsed',
  miss: 'truetag; fwd=miss',
  'redis-down': 'truetag; fwd=miss; detail=redis-down',
  bypass: 'truetag; fwd=bypass',
};

/** Says how the answer was come by (RFC 9211). */
export function tellCache(reply: FastifyReply, outcome: Outcome): FastifyReply {
  return reply.header('cache-status', cacheStatus[outcome]);
}

/** Sends what is JSON already. `bytes` is its length in UTF-8, where it is known. */
export function sendJson(reply: FastifyReply, body: string, bytes = Buffer.byteLength(body)): FastifyReply {
  return reply.header('content-type', 'application/json; charset=utf-8').header('content-length', bytes).send(body);
}

/**
 * Sends a product straight from memory, past the validation and serialisation that it has no use for. The headers are those of every other
 * answer; what the hooks before this have set goes along.
 */
export function sendHit(reply: FastifyReply, hit: { body: string; bytes: number; etag: string; outcome: Outcome }, isUnchanged: boolean): void {
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  headers['cache-status'] = cacheStatus[hit.outcome];
  headers.etag = hit.etag;
  reply.hijack();
  if (isUnchanged) {
    reply.raw.writeHead(304, headers).end();
    return;
  }
  headers['content-type'] = 'application/json; charset=utf-8';
  headers['content-length'] = hit.bytes;
  reply.raw.writeHead(200, headers).end(hit.body);
}
