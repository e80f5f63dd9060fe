import { totalmem } from 'node:os';

/**
 * What this process may use, in bytes: the limit of its control group, wherever that is mounted (a container's own, a unit's of systemd), or else
 * the memory of the machine.
 * @param constrained what Node says: 0 where it cannot tell, and more than any machine has where there is no limit
 */
export function memoryLimitBytes(constrained = process.constrainedMemory(), total = totalmem()): number {
  return constrained > 0 ? Math.min(constrained, total) : total;
}

/** What the process takes before it holds anything, whatever the limit. */
const emptyBytes = 128 * 2 ** 20;

/**
 * An eighth of what is left beside the process itself, from 8 to 256 MiB. What is held takes up to twice its text, and an upload of 60 MB in /tmp, its
 * import and the garbage of both have to fit beside it in the smallest container that we name, 256 MiB.
 */
export function defaultMemoryCacheBytes(limitBytes: number): number {
  const left = Math.floor((limitBytes - emptyBytes) / 8);
  return Math.max(8 * 2 ** 20, Math.min(left, 256 * 2 ** 20));
}
