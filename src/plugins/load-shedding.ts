import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that is turned away first where there is not time for all. The others never are: a price is written, shown and watched over. */
    isShedFirst?: boolean;
  }
}

const sampleMs = 1000;
/** Looks in a row. One pause, however long, is one bad look: a process that was stopped and goes on has nothing to shed. */
const looks = 3;
/** Of what V8 may use. Above it most of the time goes into looking for garbage. */
const maxHeap = 0.9;

/**
 * Where the event loop has been late for three seconds on end, or the heap as good as full, the routes marked `isShedFirst` answer 503 with
 * Retry-After until it is not. Product hits come before every hook and go on.
 * @param maxDelayMs mean delay of the event loop over a second; 0: nothing is ever shed
 */
export const loadSheddingPlugin = plugin<{ maxDelayMs: number; onChange: (isShedding: boolean) => void }>(async (app, { maxDelayMs, onChange }) => {
  if (maxDelayMs === 0) return;
  let badLooks = 0;
  await app.register(underPressure, {
    sampleInterval: sampleMs,
    maxEventLoopDelay: maxDelayMs,
    maxHeapUsedBytes: maxHeap * getHeapStatistics().heap_size_limit,
    pressureHandler: async (request) => {
      if (badLooks < looks || request.routeOptions.config.isShedFirst !== true) return;
      throw new AppError('overloaded', 'There is more to do than this process can answer: try again', { retryAfterS: 2 });
    },
  });
  const timer = setInterval(() => {
    const wasShedding = badLooks >= looks;
    badLooks = app.isUnderPressure() ? badLooks + 1 : 0;
    if (badLooks >= looks !== wasShedding) onChange(badLooks >= looks);
  }, sampleMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
});
