import { setFlagsFromString } from 'node:v8';

/**
 * Left alone, V8 lets the old part of the heap grow to several times what lives in it before it looks through it. That suits a server, whose
 * garbage dies young, and not an import, whose chunks live just long enough to grow old: 60 MB of garbage would lie beside 40 MB in use. This is
 * the part of that room, in percent, after which V8 begins to mark.
 */
const markAtPercent = 25;

let running = 0;

/**
 * Has V8 look for old garbage earlier while `work` runs. V8 asks for this figure whenever it wonders whether to begin, so that it can be changed
 * at any time. Most of the marking goes on beside the program; before and after nothing differs for whoever reads.
 */
export async function withFrugalHeap<T>(work: () => Promise<T>): Promise<T> {
  running += 1;
  setFlagsFromString(`--incremental-marking-hard-trigger=${markAtPercent}`);
  try {
    return await work();
  } finally {
    running -= 1;
    // 0: V8's own rule.
    if (running === 0) setFlagsFromString('--incremental-marking-hard-trigger=0');
  }
}
