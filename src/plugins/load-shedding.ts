import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';
import { AppError, type Shortage } from '../errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that is turned away first where there is not time for all. The others never are: a price is written, shown and watched over. */
    isShedFirst?: boolean;
  }
}

/** Who waits for the database. It turns away by itself, where it is asked: before that, memory may have had the answer. */
export interface WaitingLine {
  isTooLong(): boolean;
  turnAway(isOn: boolean): void;
}

const sampleMs = 1000;
/** Looks in a row. One pause, however long, is one bad look: a process that was stopped and goes on has nothing to shed. */
const looks = 3;
/** Good looks in a row that end it for the database: longer than those who were turned away stay away. */
const calmLooks = 3;
/** Of what V8 may use. Above it most of the time goes into looking for garbage. */
const maxHeap = 0.9;
/**
 * Of what the system lets the process have. In a small container this comes first: V8 takes a heap of 300 MB for its due where there are 256 in all, and
 * the kernel, which counts more than the heap, warns nobody before it kills.
 */
const maxResident = 0.9;

/**
 * Where the event loop has been late for three seconds on end, or the heap or the memory as good as full, the routes marked `isShedFirst` answer 503 with
 * Retry-After until it is not. Product hits come before every hook and go on. Where the line before the database has been too long for as long, it
 * is told to turn away, until all is well for as long: whoever is turned away comes back, and the line lets in whom it can meanwhile.
 * @param maxDelayMs mean delay of the event loop over a second; 0: nothing is shed for it, nor for memory
 * @param memoryLimitBytes what this process may use, all in all
 */
export const loadSheddingPlugin = plugin<{
  maxDelayMs: number;
  memoryLimitBytes: number;
  line: WaitingLine;
  onChange: (what: 'process' | 'database', isShedding: boolean) => void;
}>(async (app, { maxDelayMs, memoryLimitBytes, line, onChange }) => {
  const database = createLooks({
    isBad: line.isTooLong,
    calmLooks,
    onChange(isOn) {
      line.turnAway(isOn);
      onChange('database', isOn);
    },
  });
  const process = createLooks({
    isBad: () => maxDelayMs > 0 && app.isUnderPressure(),
    calmLooks: 1,
    onChange: (isOn) => onChange('process', isOn),
  });
  if (maxDelayMs > 0) {
    await app.register(underPressure, {
      sampleInterval: sampleMs,
      maxEventLoopDelay: maxDelayMs,
      maxHeapUsedBytes: maxHeap * getHeapStatistics().heap_size_limit,
      maxRssBytes: maxResident * memoryLimitBytes,
      pressureHandler: async (request, _reply, type) => {
        if (!process.isOn() || request.routeOptions.config.isShedFirst !== true) return;
        throw new AppError('overloaded', 'There is more to do than this process can answer: try again', { retryAfterS: 2, shortOf: shortages[type] });
      },
    });
  }
  const timer = setInterval(() => {
    process.look();
    database.look();
  }, sampleMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
});

const shortages: Record<string, Shortage> = {
  [underPressure.TYPE_EVENT_LOOP_DELAY]: 'event_loop',
  [underPressure.TYPE_HEAP_USED_BYTES]: 'heap',
  [underPressure.TYPE_RSS_BYTES]: 'memory',
};

/** On after so many bad looks in a row, off after so many good ones. */
function createLooks(options: { isBad: () => boolean; calmLooks: number; onChange: (isOn: boolean) => void }) {
  let isOn = false;
  /** Looks in a row that speak for a change. */
  let others = 0;
  return {
    isOn: () => isOn,
    look() {
      others = options.isBad() === isOn ? 0 : others + 1;
      if (others < (isOn ? options.calmLooks : looks)) return;
      isOn = !isOn;
      others = 0;
      options.onChange(isOn);
    },
  };
}
