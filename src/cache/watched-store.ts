import { down, type RedisStore } from './redis-store.js';
import type { CacheSight } from './sight.js';

/** The same store, with every call that has an answer shown to `sight`. Giving up a lock has none. */
export function watchStore(store: RedisStore, sight: CacheSight): RedisStore {
  const isAnswered = (given: unknown) => given !== down;
  const via = <T>(operation: string, call: () => Promise<T>) => sight.redis(operation, call, isAnswered);
  return {
    ...store,
    document: (key) => via('document', () => store.document(key)),
    putDocument: (key, document, life) => via('put_document', () => store.putDocument(key, document, life)),
    fillDocument: (key, lock, document, life) => via('fill_document', () => store.fillDocument(key, lock, document, life)),
    text: (key) => via('text', () => store.text(key)),
    fillText: (key, lock, text, life) => via('fill_text', () => store.fillText(key, lock, text, life)),
    lock: (key, lock, ms) => via('lock', () => store.lock(key, lock, ms)),
    generations: (key, fields, start) => via('generations', () => store.generations(key, fields, start)),
    raise: (key, fields, start) => via('raise', () => store.raise(key, fields, start)),
  };
}
