import { Histogram, type Registry } from 'prom-client';

/** From a memory hit to the longest that anybody is made to wait. */
const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const hitBuckets = [0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.001, 0.01];
/** The last two are what a hung instance and a database that has just been started cost. */
const ackBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.2, 5.5];
const callBuckets = [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

/** What has to be measured as it happens. Never on the way of a memory hit, but for one hit in many. */
export function createHistograms(registry: Registry) {
  const registers = [registry];
  return {
    request: new Histogram({
      name: 'truetag_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer, but for product hits answered before the router',
      labelNames: ['method', 'route'],
      buckets: requestBuckets,
      registers,
    }),
    hit: new Histogram({
      name: 'truetag_product_hit_duration_seconds',
      help: 'Time that a product hit answered before the router takes, one in 128 of them',
      buckets: hitBuckets,
      registers,
    }),
    ackWait: new Histogram({
      name: 'truetag_write_ack_wait_seconds',
      help: 'Time a committed write has waited, after its blocks stood, until no instance could show the old state',
      buckets: ackBuckets,
      registers,
    }),
    redis: new Histogram({
      name: 'truetag_redis_call_duration_seconds',
      help: 'Time of calls that Redis has answered',
      labelNames: ['operation'],
      buckets: callBuckets,
      registers,
    }),
    postgres: new Histogram({
      name: 'truetag_postgres_statement_duration_seconds',
      help: 'Time of statements, failed ones included; "connect" is the wait for a connection',
      labelNames: ['statement'],
      buckets: callBuckets,
      registers,
    }),
  };
}

export type Histograms = ReturnType<typeof createHistograms>;
