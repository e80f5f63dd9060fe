import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Order, Told } from './instance-control.js';
import type { ProcessSample } from './process-sample.js';

export interface ServerProcess {
  readonly pid: number;
  order(order: Order): void;
  /** What it holds now; null where it does not say so in time, because it is stopped for example. */
  sample(): Promise<ProcessSample | null>;
  /** Stops it (SIGSTOP); it goes on by itself after `ms`, whatever happens to us. */
  stop(ms: number): void;
  kill(): void;
  /** Asks it to drain and end. */
  terminate(): void;
  /** Resolves when it has ended, however. */
  ended: Promise<void>;
  isRunning(): boolean;
}

const listensWithinMs = 30_000;
const sampledWithinMs = 10_000;

/**
 * Starts an instance and waits until it listens.
 * @param onHit told of an armed fail-point that was reached
 * @param openFiles how many files and connections it may have open, where that is less than we may
 * @throws Error with the end of its log where it ends instead
 */
export async function startServerProcess(options: {
  script: string;
  env: Record<string, string>;
  logFile: string;
  onHit: (point: string) => void;
  openFiles?: number;
}): Promise<ServerProcess> {
  const output = openSync(options.logFile, 'a', 0o600);
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', ...options.env };
  // A group of its own: Ctrl-C reaches the harness, which then ends what it started.
  const [program, ...args] = limited([process.execPath, options.script], options.openFiles);
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', output, output, 'ipc'] });
  closeSync(output);
  alive.add(child);
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      alive.delete(child);
      resolve();
    }),
  );
  const samplers = new Set<(sample: ProcessSample) => void>();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(`did not listen within ${listensWithinMs / 1000} s`), listensWithinMs);
    const fail = (what: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`an instance ${what}:\n${readFileSync(options.logFile, 'utf8').slice(-2_000)}`));
    };
    child.on('message', (message: Told) => {
      if (message.told === 'hit') options.onHit(message.point);
      else if (message.told === 'sample') for (const take of samplers) take(message.sample);
      else {
        clearTimeout(timer);
        resolve();
      }
    });
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, name) => fail(`ended with ${code ?? name}`));
  });
  const pid = child.pid ?? 0;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const order = (what: Order) => {
    if (child.connected) child.send(what, () => {});
  };

  return {
    pid,
    order,
    sample() {
      return new Promise((resolve) => {
        const take = (sample: ProcessSample | null) => {
          clearTimeout(timer);
          samplers.delete(take);
          resolve(sample);
        };
        const timer = setTimeout(() => take(null), sampledWithinMs);
        samplers.add(take);
        order({ order: 'sample' });
      });
    },
    stop(ms) {
      if (!isRunning()) return;
      const waker = spawn('/bin/sh', ['-c', `sleep ${ms / 1000}; kill -CONT ${pid}`], { detached: true, stdio: 'ignore' });
      waker.unref();
      child.kill('SIGSTOP');
    },
    kill: () => void child.kill('SIGKILL'),
    terminate: () => {
      child.kill('SIGTERM');
      child.kill('SIGCONT');
    },
    ended,
    isRunning,
  };
}

/** The shell sets the limit and is then replaced by the server, so that the pid and the channel to us stay what they are. */
function limited(command: [string, string], openFiles: number | undefined): [string, ...string[]] {
  return openFiles === undefined ? command : ['/bin/sh', '-c', `ulimit -n ${openFiles}; exec "$0" "$@"`, ...command];
}

const alive = new Set<ChildProcess>();
// The last resort; instances end by themselves as well when the channel to us closes.
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
