import type { Clock } from './clock.js';
import { jittered } from './clock.js';
import type { RowCounters } from './counters.js';
import { createBodies, type DocumentBody, type DocumentSource } from './document-bodies.js';
import { createDocumentEntry, type DocumentEntry, type HeldDocument, type LookupEntry } from './held-document.js';
import type { Memory } from './memory.js';
import type { Outcome } from './outcome.js';
import { policies, type ReadRow, tuning } from './policies.js';
import type { RedisStore } from './redis-store.js';
import { createVersionLane, type Version } from './version-lane.js';

export type DocumentAnswer = { held: HeldDocument; outcome: Outcome } | { held: null; outcome: Outcome };
export type DocumentRow = Extract<ReadRow, 'productDetail' | 'productBatch' | 'productListing'>;

export interface Documents {
  /** The document whose current slug this is, if memory may answer with it now by itself. No I/O, no promise. */
  hit(row: DocumentRow, slug: string): HeldDocument | undefined;
  /** A lookup is `slug:<slug>` or `id:<uuid>`. Throws what the source throws. */
  read(row: DocumentRow, lookup: string): Promise<DocumentAnswer>;
  readMany(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>>;
  /** Write-through of a committed document: into memory now, into Redis unless a newer version stands there. Never throws. */
  put(document: DocumentBody): Promise<void>;
  /** Trusts nothing that was known before now: every document is asked about once more before memory answers with it. */
  doubt(): void;
}

/**
 * Documents with versions, read the validated way (rule R2): Postgres says which version stands, memory and Redis only spare the loading of
 * its body, and neither is used at another (version, token) than Postgres has just named. For `trustMs` after such an answer memory
 * answers alone.
 */
export function createDocuments(options: {
  source: DocumentSource;
  memory: Memory;
  store: RedisStore;
  clock: Clock;
  catalogId: string;
  counters: (row: ReadRow) => RowCounters;
  /** Overrides the table's trust: 0 asks Postgres on every read. */
  trustMs?: number | undefined;
  overload: () => Error;
  timeout: () => Error;
}): Documents {
  const { memory, clock, counters } = options;
  const policy = policies.productDetail;
  const trustMs = options.trustMs ?? policy.trustMs;
  const lane = createVersionLane({ ...options, versions: options.source.versions });
  const bodies = createBodies(options);
  let doubtedAt = Number.NEGATIVE_INFINITY;

  function heldFor(lookup: string, now: number): DocumentEntry | null | undefined {
    if (lookup.startsWith('id:')) return usable(memory.get(lookup) as DocumentEntry | undefined, now);
    const ref = memory.get(lookup) as LookupEntry | undefined;
    if (!ref || ref.trustedUntil <= now || ref.asOf < doubtedAt) return undefined;
    return ref.id === null ? null : usable(memory.get(`id:${ref.id}`) as DocumentEntry | undefined, now);
  }

  function usable(entry: DocumentEntry | undefined, now: number): DocumentEntry | undefined {
    return entry && entry.trustedUntil > now && entry.trustedUntil - trustMs >= doubtedAt && entry.freshUntil > now ? entry : undefined;
  }

  function peek(row: DocumentRow, lookup: string): DocumentAnswer | undefined {
    const held = heldFor(lookup, clock.now());
    if (held === undefined) return undefined;
    const outcome = held ? 'memory' : 'absent';
    counters(row).count(outcome);
    return { held, outcome } as DocumentAnswer;
  }

  /** The entry in memory if it is the very version Postgres named; its trust begins anew, from the moment the question was sent. */
  function confirm(version: Version, sentAt: number): DocumentEntry | undefined {
    const entry = memory.get(`id:${version.id}`) as DocumentEntry | undefined;
    if (!entry || entry.version !== version.version || entry.token !== version.token || entry.freshUntil <= clock.now()) return undefined;
    entry.trustedUntil = Math.max(entry.trustedUntil, sentAt + trustMs);
    entry.knownAt = clock.now();
    return entry;
  }

  /**
   * 1. A read asks which version stands and is told 7. 2. A write commits 8 and puts it here. 3. The read arrives with the body of 7.
   * It may answer with 7, because it began before the write was acknowledged, but it must not leave 7 behind. When a question was sent says
   * only that its answer is no older than that, so of two questions that overlap the later one may bring the older version: a lower version
   * is taken from a question alone that was sent after what stands had become known, which means that the database went back (a backup).
   * @param asOf monotonic ms at which the body stood for certain; trust counts from there
   * @param askedAt monotonic ms at which the question was sent; a write asked nothing, and two of them may arrive here in the wrong order
   */
  function install(body: DocumentBody, asOf: number, askedAt: number): { entry: DocumentEntry; isRefused: boolean } {
    const key = `id:${body.id}`;
    const now = clock.now();
    const freshUntil = now + jittered(policy.freshMs, tuning.jitter);
    const made = createDocumentEntry(memory, key, { ...body, knownAt: now, trustedUntil: asOf + trustMs, freshUntil });
    const stands = memory.get(key) as DocumentEntry | undefined;
    const isRefused = stands !== undefined && stands.version > body.version && stands.knownAt >= askedAt;
    if (isRefused) counters('productDetail').fillsRefused += 1;
    else made.install();
    return { entry: made.entry, isRefused };
  }

  function remember(lookup: string, id: string | null, asOf: number) {
    if (lookup.startsWith('id:')) return;
    const stands = memory.get(lookup) as LookupEntry | undefined;
    if (stands && stands.asOf > asOf) return;
    const life = id === null ? Math.min(trustMs, jittered(policy.absentMs, tuning.jitter)) : trustMs;
    memory.set(lookup, { id, asOf, trustedUntil: asOf + life } satisfies LookupEntry, 100);
  }

  async function ask(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>> {
    const answers = new Map<string, DocumentAnswer>();
    const { found, sentAt } = await lane.ask(lookups);
    const wanted = new Map<string, Version>();
    for (const lookup of lookups) {
      const version = found.get(lookup);
      remember(lookup, version?.id ?? null, sentAt);
      if (!version) answers.set(lookup, { held: null, outcome: 'miss' });
      else {
        const held = confirm(version, sentAt);
        if (held) answers.set(lookup, { held, outcome: 'validated' });
        else wanted.set(lookup, version);
      }
    }
    const loaded = await bodies.fetch([...wanted.values()], sentAt);
    for (const [lookup, version] of wanted) {
      const got = loaded.get(version.id);
      answers.set(lookup, got ? { held: install(got.body, got.asOf, got.asOf).entry, outcome: got.outcome } : { held: null, outcome: 'miss' });
    }
    for (const answer of answers.values()) counters(row).count(answer.outcome);
    return answers;
  }

  async function readMany(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>> {
    const answers = new Map<string, DocumentAnswer>();
    const rest: string[] = [];
    for (const lookup of new Set(lookups)) {
      const answer = peek(row, lookup);
      if (answer) answers.set(lookup, answer);
      else rest.push(lookup);
    }
    if (rest.length > 0) for (const [lookup, answer] of await ask(row, rest)) answers.set(lookup, answer);
    return answers;
  }

  return {
    hit(row, slug) {
      const held = heldFor(`slug:${slug}`, clock.now());
      if (held?.slug !== slug) return undefined;
      counters(row).hits += 1;
      return held;
    },
    readMany,
    async read(row, lookup) {
      const answer = peek(row, lookup) ?? (await ask(row, [lookup])).get(lookup);
      return answer ?? { held: null, outcome: 'miss' };
    },
    async put(document) {
      const now = clock.now();
      const { isRefused } = install(document, now, Number.NEGATIVE_INFINITY);
      if (!isRefused) remember(`slug:${document.slug}`, document.id, now);
      await bodies.put(document);
    },
    doubt() {
      doubtedAt = clock.now();
    },
  };
}
