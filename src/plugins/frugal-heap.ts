import { setFlagsFromString } from 'node:v8';

/**
 * Left alone, V8 lets the old part of the heap grow to several times what lives in it before it looks through it, and from version 13 (Node 24)
 * the young part to 128 MB. That suits a server, whose garbage dies young, and not an import, whose chunks live just long enough to grow old:
 * 60 MB of garbage and more would lie beside 40 MB in use. So V8 gives the old a fifth more room than what lives in it, begins to mark when a
 * quarter of that is used up, and gives the young no more room than they have.
 */
const frugal = ['--incremental-marking-hard-trigger=25', '--heap-growing-percent=20', '--semi-space-growth-factor=1'];
/** What V8 does by itself. */
const usual = ['--incremental-marking-hard-trigger=0', '--heap-growing-percent=0', '--semi-space-growth-factor=2'];

let running = 0;

/**
 * Has V8 look for garbage earlier while `work` runs. V8 asks for these figures whenever it wonders whether to begin, so that they can be changed
 * at any time. Most of the marking goes on beside the program; before and after nothing differs for whoever reads.
 */
export async function withFrugalHeap<T>(work: () => Promise<T>): Promise<T> {
  running += 1;
  for (const flag of frugal) setFlagsFromString(flag);
  try {
    return await work();
  } finally {
    running -= 1;
    if (running === 0) for (const flag of usual) setFlagsFromString(flag);
  }
}
