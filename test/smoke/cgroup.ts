import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Cgroup {
  /** The folders of it, one for each hierarchy: a process joins by its number in `cgroup.procs` of all of them. */
  folders: readonly string[];
  /** How often the kernel has ended a process of it for want of memory; null where it does not tell. */
  kills(): number | null;
  /** The most that it held, in bytes: its processes, its /tmp, and what it read of files and could give back. Null before Linux 5.19 (second version). */
  peakBytes(): number | null;
  remove(): void;
}

const root = '/sys/fs/cgroup';

/** A group of processes under these limits, by either version of cgroups. Null where this root is not given any. */
export function createCgroup(name: string, memoryBytes: number, processes: number): Cgroup | null {
  const made: string[] = [];
  const remove = () => {
    for (const folder of made) rmdirSync(folder);
  };
  const make = (parent: string, limits: Record<string, number>) => {
    const folder = join(parent, name);
    mkdirSync(folder);
    made.push(folder);
    for (const [limit, value] of Object.entries(limits)) writeFileSync(join(folder, limit), String(value));
    return folder;
  };
  try {
    if (existsSync(join(root, 'cgroup.controllers'))) {
      writeFileSync(join(root, 'cgroup.subtree_control'), '+memory +pids');
      const folder = make(root, { 'memory.max': memoryBytes, 'pids.max': processes });
      if (existsSync(join(folder, 'memory.swap.max'))) writeFileSync(join(folder, 'memory.swap.max'), '0');
      return {
        folders: [folder],
        kills: () => count(join(folder, 'memory.events'), /^oom_kill (\d+)$/m),
        peakBytes: () => count(join(folder, 'memory.peak')),
        remove,
      };
    }
    const memory = make(join(root, 'memory'), { 'memory.limit_in_bytes': memoryBytes });
    const pids = make(join(root, 'pids'), { 'pids.max': processes });
    return {
      folders: [memory, pids],
      kills: () => count(join(memory, 'memory.oom_control'), /^oom_kill (\d+)$/m),
      peakBytes: () => count(join(memory, 'memory.max_usage_in_bytes')),
      remove,
    };
  } catch {
    remove();
    return null;
  }
}

function count(file: string, pattern = /(\d+)/): number | null {
  const found = existsSync(file) ? pattern.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  return found === undefined ? null : Number(found);
}
