import type { DocumentSource } from './document-bodies.js';
import type { HeldDocument } from './held-document.js';

/** What the sampler has found. `stale` must stay 0: a sample counts there only if memory still answered with an old version. */
export interface SamplerCounts {
  hits: number;
  samples: number;
  stale: number;
  /** Samples that Postgres did not answer. */
  failed: number;
}

export interface StaleRead {
  lookup: string;
  shown: { version: number; token: string };
  stands: { version: number; token: string } | null;
}

export interface Sampler {
  /** Counts a hit in memory. True where it is one to be sampled. */
  isDue(): boolean;
  /**
   * Asks Postgres whether a hit was true.
   * @param isHit whether memory would answer with this very document now
   */
  sample(lookup: string, held: HeldDocument, isHit: () => boolean): void;
  counts(): SamplerCounts;
}

/**
 * Re-reads 1 in `every` memory hits from Postgres. A newer version there alone proves nothing, since it may have been committed after the
 * hit; but no write commits while memory still answers with what it replaces. So what is stale is a hit that could be repeated after
 * Postgres has named another version. (The idea is that of Facebook's Polaris, "Cache made consistent", 2022.)
 */
export function createSampler(options: { source: Pick<DocumentSource, 'versions'>; every: number; onStale: (read: StaleRead) => void }): Sampler {
  const counts: SamplerCounts = { hits: 0, samples: 0, stale: 0, failed: 0 };
  let isAsking = false;

  async function sample(lookup: string, { version, token }: HeldDocument, isHit: () => boolean) {
    isAsking = true;
    try {
      const stands = (await options.source.versions([lookup])).get(lookup) ?? null;
      counts.samples += 1;
      if ((stands?.version === version && stands.token === token) || !isHit()) return;
      counts.stale += 1;
      options.onStale({ lookup, shown: { version, token }, stands: stands && { version: stands.version, token: stands.token } });
    } catch {
      counts.failed += 1;
    } finally {
      isAsking = false;
    }
  }

  return {
    isDue() {
      counts.hits += 1;
      return counts.hits % options.every === 0 && !isAsking;
    },
    sample: (lookup, held, isHit) => void sample(lookup, held, isHit),
    counts: () => ({ ...counts }),
  };
}
