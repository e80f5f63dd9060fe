import type { Answer } from './wire.js';
import { headerOf } from './wire.js';

/** What a call can be about. `page` is the query string of the next page of a listing. */
export type Kind = 'slug' | 'product' | 'variant' | 'category' | 'sku' | 'brand' | 'tag' | 'import' | 'key' | 'etag' | 'page';

/** What exists, learnt from the answers, so that calls do not only meet what does not. */
export interface Known {
  /** One of them; a value that names nothing where none is known yet. */
  pick(kind: Kind, at: number): string;
  add(kind: Kind, value: unknown): void;
  has(kind: Kind): boolean;
  learn(call: string, query: string, answer: Answer, body: unknown): void;
}

/** How the slugs of products begin that are nobody's but their journey's, wherever they show. */
export const journeyPrefix = 'journey-';

/** The latest are kept: what was there early may have been archived or renamed since. */
const keptOfEach = 200;
const nobody = '0198c000-0000-7000-8000-000000000000';

export function createKnown(): Known {
  const pools = new Map<Kind, string[]>();

  function add(kind: Kind, value: unknown): void {
    if (typeof value !== 'string' || value === '') return;
    const pool = pools.get(kind) ?? [];
    pools.set(kind, pool);
    if (pool.includes(value)) return;
    pool.push(value);
    if (pool.length > keptOfEach) pool.shift();
  }

  function learnProduct(product: Record<string, unknown>): void {
    if (String(product['slug']).startsWith(journeyPrefix)) return;
    add('slug', product['slug']);
    add('product', product['id']);
    add('brand', product['brand']);
    for (const tag of listOf(product['tags'])) add('tag', tag);
    for (const category of listOf(product['categories'])) add('category', (category as { slug?: unknown }).slug);
    for (const variant of listOf(product['variants']) as Record<string, unknown>[]) {
      add('variant', variant['id']);
      add('sku', variant['sku']);
    }
  }

  return {
    add,
    has: (kind) => pools.has(kind),
    pick(kind, at) {
      const pool = pools.get(kind) ?? [];
      return pool[at % Math.max(1, pool.length)] ?? (kind === 'page' ? 'limit=1' : nobody);
    },
    learn(call, query, answer, body) {
      if (answer.status >= 300 || typeof body !== 'object' || body === null) return;
      add('etag', headerOf(answer, 'etag'));
      const { data, page, id } = body as { data?: unknown; page?: { nextCursor?: unknown }; id?: unknown };
      if (call === 'POST /v1/admin/imports') add('import', id);
      if (call.startsWith('POST /v1/admin/keys')) add('key', id);
      if (call === 'GET /v1/categories') for (const category of listOf(data)) add('category', (category as { slug?: unknown }).slug);
      if (call.includes('/products')) for (const product of [body, ...listOf(data)]) learnProduct(product as Record<string, unknown>);
      if (call === 'GET /v1/products' && typeof page?.nextCursor === 'string') {
        const next = new URLSearchParams(query);
        next.set('cursor', page.nextCursor);
        add('page', next.toString());
      }
    },
  };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
