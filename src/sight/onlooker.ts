import type { CacheSight } from '../cache/sight.js';
import type { Metrics } from './metrics.js';
import type { Tracing } from './tracing.js';

/** What the cache and the database show of their work, turned into histograms and, within a traced request, into spans. */
export interface Onlooker extends CacheSight {
  query<T>(statement: string, work: () => Promise<T>): Promise<T>;
}

/** @param metrics null where nobody scrapes; `tracing` null where nothing is traced */
export function createOnlooker(metrics: Metrics | null, tracing: Tracing | null): Onlooker {
  const spanned = <T>(name: string, attributes: Record<string, string>, work: () => Promise<T>): Promise<T> =>
    tracing ? tracing.span(name, 'client', attributes, work) : work();

  return {
    async redis(operation, call, isAnswered) {
      const startedAt = performance.now();
      const given = await spanned(`redis ${operation}`, { 'db.system.name': 'redis', 'db.operation.name': operation }, call);
      if (metrics) {
        if (isAnswered(given)) metrics.histograms.redis.observe({ operation }, (performance.now() - startedAt) / 1000);
        else metrics.redisUnanswered(operation);
      }
      return given;
    },

    async query(statement, work) {
      const startedAt = performance.now();
      try {
        return await spanned(`postgres ${statement}`, { 'db.system.name': 'postgresql', 'db.query.summary': statement }, work);
      } catch (error) {
        metrics?.statementFailed(statement);
        throw error;
      } finally {
        metrics?.histograms.postgres.observe({ statement }, (performance.now() - startedAt) / 1000);
      }
    },

    step: (name, attributes, work) => (tracing ? tracing.span(name, 'internal', attributes, work) : work()),

    written({ token, armedAt, passedAt, acks, ackWaitMs }) {
      metrics?.histograms.ackWait.observe(ackWaitMs / 1000);
      // From the moment the blocks stood: acks may come while the registry is read, so this span lies over that one.
      const events = acks.map(({ instance, at }) => ({ name: 'ack', at: new Date(at), attributes: { 'truetag.instance': instance } }));
      tracing?.past('W3 wait', new Date(armedAt), new Date(passedAt), { token, acks: acks.length }, events);
    },
  };
}
