import { setTimeout as sleep } from 'node:timers/promises';
import { type Figures, recoverWithinMs } from './figures.js';
import type { Slot } from './fleet.js';
import { type Connection, createConnection, requestText } from './http-connection.js';

export interface Recovery {
  slot: string;
  /** Ms after the last fault; null where it took longer than is allowed. */
  ready: number | null;
  memory: number | null;
  write: number | null;
}

/**
 * How long after the last fault an instance is ready, answers a detail read from memory again (in `validate` mode: as validated), and has
 * acknowledged a write that began after the fault.
 * @param since when the last fault ended
 */
export async function measureRecovery(
  slot: Slot,
  since: number,
  options: { slug: string; hit: string; figures: Figures; isOver: () => boolean },
): Promise<Recovery> {
  const connection = createConnection(slot.port);
  const result: Recovery = { slot: slot.name, ready: null, memory: null, write: null };
  const after = () => performance.now() - since;
  while (after() < recoverWithinMs && !options.isOver()) {
    if (result.ready === null && (await get(connection, '/health/ready'))?.status === 200) result.ready = after();
    if (result.memory === null) {
      const answer = await get(connection, `/v1/products/${options.slug}`);
      if (answer?.status === 200 && answer.header('cache-status') === options.hit) result.memory = after();
    }
    const wroteAt = options.figures.lastWrite.get(slot.name);
    if (result.write === null && wroteAt !== undefined && wroteAt > since) result.write = after();
    if (result.ready !== null && result.memory !== null && result.write !== null) break;
    await sleep(50);
  }
  connection.close();
  return result;
}

/**
 * Which of these products an instance does not answer from memory again, although nobody writes any more and the time for it is over: a block that
 * its writer has left must not stay.
 */
export async function unhitBy(slot: Slot, slugs: readonly string[], hit: string, withinMs = recoverWithinMs): Promise<string[]> {
  const connection = createConnection(slot.port);
  let left = [...slugs];
  for (const until = performance.now() + withinMs; left.length > 0 && performance.now() < until; await sleep(50)) {
    const unhit: string[] = [];
    for (const slug of left) if ((await get(connection, `/v1/products/${slug}`))?.header('cache-status') !== hit) unhit.push(slug);
    left = unhit;
  }
  connection.close();
  return left.map((slug) => `${slot.name} did not answer ${slug} with "${hit}" within ${withinMs / 1000} s of the last write`);
}

function get(connection: Connection, path: string) {
  return connection.send(requestText('GET', path), 1_500).catch(() => null);
}

export function hasRecovered({ ready, memory, write }: Recovery): boolean {
  return ready !== null && memory !== null && write !== null;
}
