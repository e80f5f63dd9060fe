import { LRUCache } from 'lru-cache';
import type { KeyStore, StoredKey } from './ports.js';

const everyMs = 60_000;

/**
 * Writes down when a key was last used: about once a minute for each, and nobody waits for it. Where it cannot be written that is told to
 * `onError` and tried again a minute later.
 */
export function createUseNotes({ keys, now, onError }: { keys: Pick<KeyStore, 'noteUse'>; now: () => Date; onError: (error: Error) => void }) {
  const triedAt = new LRUCache<string, number>({ max: 10_000 });
  return ({ id, lastUsedAt }: StoredKey): void => {
    const at = now();
    const last = Math.max(triedAt.get(id) ?? Number.NEGATIVE_INFINITY, lastUsedAt?.getTime() ?? Number.NEGATIVE_INFINITY);
    if (at.getTime() - last < everyMs) return;
    triedAt.set(id, at.getTime());
    keys.noteUse(id, at).catch(onError);
  };
}
