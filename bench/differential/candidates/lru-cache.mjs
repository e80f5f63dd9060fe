import { LRUCache } from 'lru-cache';

/** Memory alone, filled by `fetch`. */
export function openCache({ ttlMs, load }) {
  const cache = new LRUCache({ max: 10_000, ttl: ttlMs, fetchMethod: load });
  return {
    read: (sku) => cache.fetch(sku),
    written: async (sku) => cache.delete(sku),
  };
}
