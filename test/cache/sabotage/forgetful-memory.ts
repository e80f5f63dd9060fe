import type { Memory } from '../../../src/cache/memory.js';

/** A memory in which no document knows that it became known after a question was sent: whatever arrives is installed. */
export function createForgetfulMemory(memory: Memory): Memory {
  return {
    ...memory,
    set(key, value, bytes) {
      if (key.startsWith('id:')) {
        if (!('knownAt' in value)) throw new Error('there is nothing to sabotage: a document has no knownAt');
        value.knownAt = Number.NEGATIVE_INFINITY;
      }
      memory.set(key, value, bytes);
    },
  };
}
