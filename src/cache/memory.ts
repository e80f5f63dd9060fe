import { LRUCache } from 'lru-cache';

export interface MemoryUsage {
  entries: number;
  bytes: number;
  maxBytes: number;
  /** Entries that had to leave for others. */
  evictions: number;
}

/** The first tier: everything this process holds, under one bound in bytes; the least recently used leaves first. */
export interface Memory {
  get(key: string): unknown;
  /** Takes or replaces a value of about `bytes` bytes. One that is larger than an eighth of the tier is not taken. */
  set(key: string, value: object, bytes: number): void;
  delete(key: string): void;
  clear(): void;
  usage(): MemoryUsage;
}

/** What an entry costs beside its text: the key, the map slot, the objects around it. */
const overheadBytes = 400;

export function createMemory(maxBytes: number): Memory {
  let evictions = 0;
  const entries = new LRUCache<string, object>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 8)),
    dispose: (_value, _key, reason) => {
      if (reason === 'evict') evictions += 1;
    },
  });
  return {
    get: (key) => entries.get(key),
    set: (key, value, bytes) => {
      // lru-cache keeps the old size of a value that is set again, and ours have grown.
      if (entries.peek(key) === value) entries.delete(key);
      entries.set(key, value, { size: Math.ceil(bytes) + 2 * key.length + overheadBytes });
    },
    delete: (key) => {
      entries.delete(key);
    },
    clear: () => entries.clear(),
    usage: () => ({ entries: entries.size, bytes: entries.calculatedSize, maxBytes, evictions }),
  };
}
