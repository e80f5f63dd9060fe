import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code; null where a signal ended it. Rejects after 30 seconds. */
  ended: Promise<number | null>;
  /** Resolves with what the first group of `pattern` caught on stdout. Rejects where the process ends or 20 seconds pass without it. */
  said(pattern: RegExp): Promise<string>;
}

const started = new Set<ChildProcess>();

/** Runs a file of the project as `npm` would, in an environment that has nothing but `env`. */
export function runProcess(file: string, args: readonly string[], env: Record<string, string>): Running {
  const path = process.env.PATH ?? '';
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { env: { PATH: path, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close', { signal: AbortSignal.timeout(30_000) }).then(([code]) => code as number | null);
  ended.catch(() => {});
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async said(pattern) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
        const found = pattern.exec(stdout);
        if (found) return found[1] ?? '';
        if (child.exitCode !== null) break;
      }
      throw new Error(`never said ${pattern}: ${stdout}${stderr}`);
    },
  };
}

/** For afterEach: nothing outlives its test. */
export function endProcesses(): void {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
}
