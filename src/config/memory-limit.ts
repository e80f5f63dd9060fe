import { totalmem } from 'node:os';

/**
 * What this process may use, in bytes: the limit of its control group, wherever that is mounted (a container's own, a unit's of systemd), or else
 * the memory of the machine.
 * @param constrained what Node says: 0 where it cannot tell, and more than any machine has where there is no limit
 */
export function memoryLimitBytes(constrained = process.constrainedMemory(), total = totalmem()): number {
  return constrained > 0 ? Math.min(constrained, total) : total;
}

/** An eighth of that, and at most 256 MiB: an upload, its import and the garbage of both have to fit beside it. */
export function defaultMemoryCacheBytes(limitBytes: number): number {
  return Math.min(Math.floor(limitBytes / 8), 256 * 2 ** 20);
}
