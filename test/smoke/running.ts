import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  child: ChildProcess;
  /** What it has printed so far, stdout and stderr together. */
  output(): string;
  /** Exit code, once it has ended; -1 where a signal ended it. Rejects where it goes on for longer than `withinMs`. */
  ended(withinMs?: number): Promise<number>;
  /** SIGTERM, to npm itself where it runs under npm. Resolves to the exit code. */
  terminate(): Promise<number>;
}

const all = new Set<ChildProcess>();
// The last resort, by process group: nothing that was started here outlives this process.
process.on('exit', () => {
  for (const { pid } of all) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
});
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(1));

/** Starts a command in the checkout with an environment that holds nothing but what is named. */
export function run(command: string[], environment: Record<string, string> = {}): Running {
  const [program = '', ...args] = command;
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...environment };
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  all.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const code = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      all.delete(child);
      resolve(exitCode ?? -1);
    });
  });
  const ended = (withinMs = 15_000) => within(code, withinMs, () => `${command.join(' ')} did not end:\n${output}`);
  return {
    child,
    output: () => output,
    ended,
    terminate: () => {
      child.kill('SIGTERM');
      return ended();
    },
  };
}

/** Ends in good order what still runs, because something failed: `npm start` takes its Postgres down with it. */
export async function endAll(): Promise<void> {
  const ending = [...all].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of all) child.kill('SIGTERM');
  await Promise.race([Promise.all(ending), sleep(15_000, undefined, { ref: false })]);
}

/** Runs a command to its end and gives what it printed. */
export async function finish(command: string[], environment: Record<string, string> = {}, withinMs = 60_000): Promise<string> {
  const running = run(command, environment);
  const code = await running.ended(withinMs);
  assert.equal(code, 0, `${command.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

/** Asks again until the answer has that status. Rejects after `withinMs`, or when the process that should answer has ended. */
export async function untilStatus(url: string, status: number, running?: Running, withinMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; ; await sleep(20)) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === status) return;
    const isOver = running !== undefined && running.child.exitCode !== null;
    if (isOver || Date.now() > deadline)
      throw new Error(`${url} did not answer ${status}, but ${answer?.status ?? 'nothing'}:\n${running?.output() ?? ''}`);
  }
}

/** One line for whoever reads the log of a run. */
export function say(line: string): void {
  process.stdout.write(`  ${line}\n`);
}

async function within<T>(promise: Promise<T>, ms: number, message: () => string): Promise<T> {
  const clock = new AbortController();
  const late = sleep(ms, undefined, { signal: clock.signal }).then(() => {
    throw new Error(message());
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clock.abort();
    late.catch(() => {});
  }
}
