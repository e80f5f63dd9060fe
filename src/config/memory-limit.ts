import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** A quarter of what the process may use, the container's limit included, and at most 256 MiB. */
export function defaultMemoryCacheBytes(): number {
  const limits = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].map(readLimit);
  return Math.min(Math.floor(Math.min(totalmem(), ...limits) / 4), 256 * 2 ** 20);
}

function readLimit(path: string): number {
  try {
    const limit = Number(readFileSync(path, 'utf8'));
    return limit > 0 ? limit : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
