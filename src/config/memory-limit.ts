import { totalmem } from 'node:os';

/**
 * What this process may use, in bytes: the limit of its control group, wherever that is mounted (a container's own, a unit's of systemd), or else
 * the memory of the machine.
 * @param constrained what Node says: 0 where it cannot tell, and more than any machine has where there is no limit
 */
export function memoryLimitBytes(constrained = process.constrainedMemory(), total = totalmem()): number {
  return constrained > 0 ? Math.min(constrained, total) : total;
}

/** What the process and an upload of 60 MB that it imports take, whatever the limit. */
const besideBytes = 192 * 2 ** 20;

/**
 * A quarter of what is left beside them, from 8 to 256 MiB: what is held takes up to twice its text, and leaves garbage. All of it has to fit into
 * the smallest container that we name, 256 MiB.
 */
export function defaultMemoryCacheBytes(limitBytes: number): number {
  const left = Math.floor((limitBytes - besideBytes) / 4);
  return Math.max(8 * 2 ** 20, Math.min(left, 256 * 2 ** 20));
}
