import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/db/free-port.js';
import type { FailAction } from './instance-control.js';
import type { Link, LinkKind, Links } from './links.js';
import { withPort } from './ports.js';
import type { ProcessSample } from './process-sample.js';
import { type ServerProcess, startServerProcess } from './server-process.js';

/** A place for one instance: its port, its connections through proxies, and the process that stands there now. */
export interface Slot {
  readonly name: string;
  readonly port: number;
  /** Where it tells its metrics; null where it has none. */
  readonly metricsPort: number | null;
  readonly links: Record<LinkKind, Link>;
  /** Starts a process where there is none, again where it does not come up. Resolves when it listens. */
  join(): Promise<void>;
  /** Asks it to end in good order, and sees to it that it does. */
  leave(): Promise<void>;
  kill(): Promise<void>;
  stop(ms: number): void;
  stall(ms: number): void;
  stepClock(ms: number): void;
  /** What its process holds; null where there is none, or none that answers. */
  sample(): Promise<ProcessSample | null>;
  /** Arms a fail-point; resolves with whether it was reached in time. Where it kills, the process has ended then. */
  failAt(point: string, action: FailAction, ms: number, withinMs: number): Promise<boolean>;
  isUp(): boolean;
  /** Whether it was there and able to run from `begin` to `end`. */
  wasLive(begin: number, end: number): boolean;
}

export interface Fleet {
  slots: Slot[];
  /** What should not have happened: an instance that ended unasked, a fault that could not be brought about. */
  mishaps: string[];
  end(): Promise<void>;
}

export interface FleetOptions {
  script: string;
  count: number;
  folder: string;
  links: Links;
  targets: { postgresUrl: string; postgresPort: number; redisPort: number };
  env: Record<string, string>;
  /** How many of them, from the first, have their metrics on. */
  watched: number;
}

/** After a pause a process is given this long to work off what has piled up. */
const afterPauseMs = 300;
const joinsWithinMs = 20_000;

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const mishaps: string[] = [];
  const slots: Slot[] = [];
  for (let i = 1; i <= options.count; i += 1) slots.push(await createSlot(`i${i}`, i <= options.watched, options, mishaps));
  return {
    slots,
    mishaps,
    end: async () => {
      await Promise.all(slots.map((slot) => slot.kill()));
    },
  };
}

async function createSlot(name: string, isWatched: boolean, options: FleetOptions, mishaps: string[]): Promise<Slot> {
  const { links, targets } = options;
  const port = await freePort();
  const metricsPort = isWatched ? await freePort() : null;
  const own = {
    pool: await links.open('pool', targets.postgresPort),
    session: await links.open('session', targets.postgresPort),
    redis: await links.open('redis', targets.redisPort),
  };
  const env = {
    ...options.env,
    PORT: String(port),
    ...(metricsPort === null ? {} : { METRICS_PORT: String(metricsPort) }),
    DATABASE_URL: withPort(targets.postgresUrl, own.pool.port),
    DATABASE_DIRECT_URL: withPort(targets.postgresUrl, own.session.port),
    REDIS_URL: `redis://127.0.0.1:${own.redis.port}`,
  };
  const logFile = join(options.folder, `${name}.log`);
  let server: ServerProcess | null = null;
  let downSince: number | null = performance.now();
  let isEndExpected = false;
  const pauses: { from: number; to: number }[] = [];
  const hits = new Set<(point: string) => void>();

  function down(): void {
    downSince ??= performance.now();
  }

  function pause(ms: number): void {
    const from = performance.now();
    pauses.push({ from, to: from + ms + afterPauseMs });
    if (pauses.length > 200) pauses.shift();
  }

  /** An instance that finds no database says so and ends; whoever runs it starts it again. */
  async function start(): Promise<ServerProcess> {
    const onHit = (point: string) => {
      for (const told of hits) told(point);
    };
    for (const deadline = performance.now() + joinsWithinMs; ; await sleep(200)) {
      try {
        return await startServerProcess({ script: options.script, env, logFile, onHit });
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async function gone(): Promise<void> {
    await server?.ended;
    server = null;
  }

  return {
    name,
    port,
    metricsPort,
    links: own,
    async join() {
      if (server?.isRunning()) return;
      isEndExpected = false;
      const started = await start();
      server = started;
      pauses.push({ from: downSince ?? performance.now(), to: performance.now() + afterPauseMs });
      downSince = null;
      void started.ended.then(() => {
        if (server === started) down();
        if (!isEndExpected)
          mishaps.push(`${name} ended unasked at ${Math.round(performance.now())} ms:\n${readFileSync(logFile, 'utf8').slice(-1_000)}`);
      });
    },
    async leave() {
      isEndExpected = true;
      down();
      const leaving = server;
      leaving?.terminate();
      const timer = setTimeout(() => leaving?.kill(), 12_000);
      await gone();
      clearTimeout(timer);
    },
    async kill() {
      isEndExpected = true;
      down();
      server?.kill();
      await gone();
    },
    stop(ms) {
      pause(ms);
      server?.stop(ms);
    },
    stall(ms) {
      pause(ms);
      server?.order({ order: 'stall', ms });
    },
    stepClock: (ms) => server?.order({ order: 'step-clock', ms }),
    sample: async () => (await server?.sample()) ?? null,
    async failAt(point, action, ms, withinMs) {
      const reached = new Promise<boolean>((resolve) => {
        const done = (isReached: boolean) => {
          clearTimeout(timer);
          hits.delete(told);
          resolve(isReached);
        };
        const timer = setTimeout(() => done(false), withinMs);
        const told = (hit: string) => {
          if (hit !== point) return;
          if (action === 'stop') pause(ms);
          done(true);
        };
        hits.add(told);
        if (action === 'kill') {
          isEndExpected = true;
          void server?.ended.then(() => done(true));
        }
      });
      server?.order({ order: 'arm', point, action, ms });
      const isReached = await reached;
      if (isReached && action === 'kill') {
        down();
        await gone();
      } else {
        server?.order({ order: 'disarm' });
        if (action === 'kill') isEndExpected = false;
      }
      return isReached;
    },
    isUp: () => downSince === null,
    wasLive: (begin, end) => (downSince === null || downSince > end) && !pauses.some(({ from, to }) => from < end && to > begin),
  };
}
