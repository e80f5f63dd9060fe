import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));
const versionOf = (name) => JSON.parse(readFileSync(join(bench, 'node_modules', name, 'package.json'), 'utf8')).version;

function library(name, file, tiers, variant) {
  const title = `${name} ${versionOf(name)}`;
  return { name: variant ? `${file}-${variant}` : file, title: variant ? `${title}, ${variant}` : title, file, tiers, variant: variant ?? '' };
}

const snippet = (file, title) => ({ name: file, title, file, tiers: 'Redis', variant: '' });

/** Whom Truetag stands beside: `file` in candidates/ is what each of them is, `tiers` where it keeps a price. */
export const candidates = [
  library('bentocache', 'bentocache', 'memory, Redis, bus'),
  library('async-cache-dedupe', 'async-cache-dedupe', 'Redis', 'invalidateAll'),
  library('async-cache-dedupe', 'async-cache-dedupe', 'Redis', 'clear'),
  library('@epic-web/cachified', 'cachified', 'Redis'),
  library('cache-manager', 'cache-manager', 'memory, Redis'),
  library('cacheable', 'cacheable', 'memory, Redis, sync'),
  library('cacheable', 'cacheable', 'memory, Redis, sync', 'nonBlocking'),
  library('lru-cache', 'lru-cache', 'memory'),
  snippet('cache-aside', 'snippet: cache-aside, delete after write'),
  snippet('write-through', 'snippet: cache-aside, set after write'),
  snippet('tokenless-lock', 'snippet: stampede lock without a token'),
  snippet('two-key-swr', 'snippet: two-key stale-while-revalidate'),
];
