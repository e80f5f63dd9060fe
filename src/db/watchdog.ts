import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ServerCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Where its output is appended; dropped when left out. */
  logFile?: string;
  /** How it is asked to end. */
  stopSignal: NodeJS.Signals;
}

/** A helper process that outlives this one just long enough to end what this one started, `kill -9` included. */
export interface Watchdog {
  /** Starts a server; resolves to its pid. Rejects where it cannot be started. */
  spawn(server: ServerCommand): Promise<number>;
  /** Removes a file or folder at the end, once every server has ended. */
  removeAtEnd(path: string): void;
  /** Ends the servers (each has 8 s, then SIGKILL), removes what was named and resolves when all is done. */
  end(): Promise<void>;
}

const answerWithinMs = 10_000;
const endWithinMs = 15_000;

/** Starts a watchdog. It notices the end of this process by its stdin, a pipe whose other end nobody else holds. */
export function startWatchdog(): Watchdog {
  const script = fileURLToPath(new URL('./watchdog-process.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, cwd: '/', stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map<number, (answer: { pid?: number; error?: string }) => void>();
  let lastId = 0;
  const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('error', (error) => {
    for (const settle of waiting.values()) settle({ error: error.message });
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as { id: number; pid?: number; error?: string };
    waiting.get(answer.id)?.(answer);
  });
  // Nothing here keeps this process alive: an answer is awaited with a timer of its own.
  child.unref();
  for (const stream of [child.stdin, child.stdout]) if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
  const order = (message: object) => void child.stdin.write(`${JSON.stringify(message)}\n`);

  return {
    spawn: (server) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        const timer = setTimeout(() => settle({ error: 'no answer in time' }), answerWithinMs);
        const settle = ({ pid, error }: { pid?: number; error?: string }) => {
          clearTimeout(timer);
          waiting.delete(id);
          if (pid === undefined) reject(new Error(`${server.command} could not be started: ${error}`));
          else resolve(pid);
        };
        waiting.set(id, settle);
        order({ id, spawn: server });
      }),
    removeAtEnd: (path) => order({ remove: path }),
    end: async () => {
      child.stdin.end();
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        over,
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, endWithinMs);
        }),
      ]);
      clearTimeout(timer);
    },
  };
}
