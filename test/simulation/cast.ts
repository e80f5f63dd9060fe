import type { Stage } from './stage.js';

export const lamp = 'slug:lamp';
export const price = { kind: 'price', id: 'p0' } as const;

/** Two processes that have joined. */
export async function pair(stage: Stage) {
  const writer = stage.shop('writer');
  await stage.sleep(30);
  const reader = stage.shop('reader');
  await stage.sleep(30);
  return { writer, reader };
}

/** No notice reaches the reader any more. */
export const deaf = (stage: Stage) => stage.lose({ machine: 'reader', leg: 'notice' });

/** The reader's process stands still for so long that its beat is known to stand, and its lease has run out. */
export async function standStill(stage: Stage, ms: number) {
  const shops = await pair(stage);
  shops.reader.machine.pause(ms);
  return shops;
}
