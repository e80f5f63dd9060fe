import type { FastifyReply } from 'fastify';
import type { Outcome } from '../catalog/outcome.js';

/** The values of Cache-Status (RFC 9211). */
export const cacheStatus: Record<Outcome, string> = {
  memory: 'truetag; hit; detail=memory',
  validated: 'truetag; hit; detail=validated',
  redis: 'truetag; hit; detail=redis',
  absent: 'truetag; hit; detail=absent',
  stale: 'truetag; hit; detail=stale',
  stored: 'truetag; fwd=miss; stored',
  collapsed: 'truetag; fwd=miss; collapsed',
  miss: 'truetag; fwd=miss',
  'redis-down': 'truetag; fwd=miss; detail=redis-down',
  unverified: 'truetag; hit; detail=unverified',
  bypass: 'truetag; fwd=bypass',
};

/** Says how the answer was come by (RFC 9211). */
export function tellCache(reply: FastifyReply, outcome: Outcome): FastifyReply {
  return reply.header('cache-status', cacheStatus[outcome]);
}

/** Sends what is JSON already. */
export function sendJson(reply: FastifyReply, body: Buffer | string): FastifyReply {
  return reply.header('content-type', 'application/json; charset=utf-8').send(body);
}
