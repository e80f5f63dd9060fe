import { relative } from 'node:path';
import { register } from 'tsx/esm/api';

register();
const { bundle, project } = await import('../test/sabotage/bundle.ts');

/** Truetag as a bundle, with or without R1's questions: is the lease held, is anything blocked, is the entry of this epoch? */
async function bundled(edits) {
  return relative(project, await bundle({ entry: 'bench/candidates/truetag.ts', edits }));
}
const withProtocol = await bundled([]);
const withoutProtocol = await bundled([
  { file: 'src/cache/documents.ts', from: 'if (!lease?.mayHit(lookup, now)) return undefined;', to: '' },
  {
    file: 'src/cache/documents.ts',
    from: 'if (!ref || ref.epoch !== lease.epoch() || ref.freshUntil <= now) return undefined;',
    to: 'if (!ref || ref.freshUntil <= now) return undefined;',
  },
  {
    file: 'src/cache/documents.ts',
    from: 'return lease.isBlocked(ref.key) ? undefined : believable(ref.key, now);',
    to: 'return believable(ref.key, now);',
  },
  {
    file: 'src/cache/documents.ts',
    from: 'return entry && entry.epoch === lease?.epoch() && entry.freshUntil > now ? entry : undefined;',
    to: 'return entry && entry.freshUntil > now ? entry : undefined;',
  },
]);

/**
 * The candidates, in the order in which each round takes them. `bare` is the yardstick; `isLibrary` says which are libraries with memory in
 * front of Redis. Each runs as one process for what stays in memory, one for misses and one that finds in Redis what that one has loaded.
 * Those with `only` are beside the comparison: the libraries doing what Truetag's contract asks of every request as well (input checked
 * by zod, an id of its own), and Truetag asking Postgres on every read.
 */
export const candidates = [
  { name: 'truetag', title: 'Truetag', script: 'dist/server.js', readyPath: '/health/ready', env: { LOG_LEVEL: 'silent' } },
  { name: 'bare', title: 'bare node:http', script: 'bench/candidates/bare-node-http.mjs', readyPath: '/v1/products' },
  { name: 'bentocache', title: 'Fastify + BentoCache', script: 'bench/candidates/fastify-bentocache.mjs', readyPath: '/loads', isLibrary: true },
  {
    name: 'async-cache-dedupe',
    title: 'Fastify + async-cache-dedupe',
    script: 'bench/candidates/fastify-async-cache-dedupe.mjs',
    readyPath: '/loads',
    isLibrary: true,
  },
  {
    name: 'bentocache-checking',
    title: 'Fastify + BentoCache, checking input',
    script: 'bench/candidates/fastify-bentocache.mjs',
    readyPath: '/loads',
    env: { CHECK_INPUT: 'true' },
    isLibrary: true,
    isChecking: true,
    only: ['hot'],
  },
  {
    name: 'async-cache-dedupe-checking',
    title: 'Fastify + async-cache-dedupe, checking input',
    script: 'bench/candidates/fastify-async-cache-dedupe.mjs',
    readyPath: '/loads',
    env: { CHECK_INPUT: 'true' },
    isLibrary: true,
    isChecking: true,
    only: ['hot'],
  },
  {
    name: 'truetag-validate',
    title: 'Truetag, PRICE_READS=validate',
    script: 'dist/server.js',
    readyPath: '/health/ready',
    env: { LOG_LEVEL: 'silent', PRICE_READS: 'validate' },
    only: ['hot'],
  },
  {
    name: 'truetag-on',
    title: 'Truetag, as a bundle',
    script: withProtocol,
    readyPath: '/health/ready',
    env: { LOG_LEVEL: 'silent' },
    only: ['hot'],
  },
  {
    name: 'truetag-off',
    title: 'Truetag, as a bundle, the protocol switched off',
    script: withoutProtocol,
    readyPath: '/health/ready',
    env: { LOG_LEVEL: 'silent' },
    only: ['hot'],
  },
];

/**
 * What is measured. `role` names the process that is asked; `paths` gives the paths of one round. A timed scenario repeats them for the time of
 * a round; a counted one asks for each path once and has other paths the next time.
 */
export const scenarios = [
  {
    name: 'hot',
    title: 'Product, one hot product in memory',
    note: 'Checking input: the libraries behind the zod checks and request ids that Truetag has; without that they do neither.',
    role: 'near',
    isTimed: true,
    paths: ({ demoPaths }) => demoPaths.slice(0, 1),
  },
  { name: 'many', title: 'Product, 40 products in memory in turn', role: 'near', isTimed: true, paths: ({ demoPaths }) => demoPaths },
  { name: 'listing', title: 'Listing, first page of 24', role: 'near', isTimed: true, paths: () => ['/v1/products'] },
  { name: 'miss', title: 'Product, cold: loaded from Postgres', role: 'cold', isTimed: false, paths: ({ slice }, turn) => slice(turn) },
  {
    name: 'redis',
    title: 'Product, cold memory: found in Redis',
    note: 'Truetag asks Postgres first which version stands; the libraries believe what they find.',
    role: 'far',
    isTimed: false,
    paths: ({ slice }, turn) => slice(turn),
  },
];

/** Of Truetag's answers, by their Cache-Status, the ones that a scenario is about. Others (a version asked for once a second) are few. */
export const expectedOutcome = {
  hot: /detail=(memory|validated)/,
  many: /detail=(memory|validated)/,
  listing: /detail=(memory|stale)/,
  miss: /fwd=miss/,
  redis: /detail=redis/,
};
