import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * One core for the servers, which are measured one at a time, and another for the generator, so that neither is moved about nor takes time from
 * the other. Undefined where there is no `taskset` or only one core: then the system decides.
 */
export const cores = pick();

/** The command that starts a program on a core, as `[command, args]`. */
export function onCore(core, command, args) {
  return core === undefined || core === null ? [command, args] : ['taskset', ['-c', String(core), command, ...args]];
}

function pick() {
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0) return undefined;
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const list = allowed.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return list.length < 2 ? undefined : { server: list[0], generator: list.at(-1) };
}
