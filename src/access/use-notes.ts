import { LRUCache } from 'lru-cache';
import type { KeyStore, StoredKey } from './ports.js';

const everyMs = 60_000;

/**
 * Writes down when a key was last used: about once a minute for each, and nobody waits for it. Where it cannot be written that is told to
 * `onError` and tried again a minute later.
 * @param now durations alone are taken of it
 */
export function createUseNotes(options: { keys: Pick<KeyStore, 'noteUse'>; onError: (error: Error) => void; now?: () => number }) {
  const { keys, onError, now = () => performance.now() } = options;
  const triedAt = new LRUCache<string, number>({ max: 10_000 });
  return ({ id, unusedMs }: Pick<StoredKey, 'id' | 'unusedMs'>): void => {
    const at = now();
    if ((unusedMs ?? everyMs) < everyMs || at - (triedAt.get(id) ?? Number.NEGATIVE_INFINITY) < everyMs) return;
    triedAt.set(id, at);
    keys.noteUse(id).catch(onError);
  };
}
