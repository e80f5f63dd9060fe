import { type Clock, jittered, withTimeout } from './clock.js';
import type { RowCounters } from './counters.js';
import { createBodies, type DocumentBody, type DocumentSource } from './document-bodies.js';
import { createDocumentEntry, type DocumentEntry, type HeldDocument, type LookupEntry } from './held-document.js';
import type { Lease, Mark } from './lease.js';
import type { Memory } from './memory.js';
import type { Outcome } from './outcome.js';
import { policies, type ReadRow, tuning } from './policies.js';
import type { RedisStore } from './redis-store.js';
import type { Sampler } from './sampler.js';
import { createVersionLane, type LaneCounts, type Version } from './version-lane.js';

export type DocumentAnswer = { held: HeldDocument; outcome: Outcome } | { held: null; outcome: Outcome };
export type DocumentRow = Extract<ReadRow, 'productDetail' | 'productBatch' | 'productListing'>;

export interface Documents {
  /** The document whose current slug this is, if memory may answer with it now by itself. No I/O, no promise. */
  hit(row: DocumentRow, slug: string): HeldDocument | undefined;
  /** A lookup is `slug:<slug>` or `id:<uuid>`. Throws what the source throws. */
  read(row: DocumentRow, lookup: string): Promise<DocumentAnswer>;
  readMany(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>>;
  /** Puts a document that this process has just committed into memory. Only for the turn in which the lease has allowed it. */
  install(document: DocumentBody, keys: readonly string[]): void;
  /** W5: into Redis, unless a newer version stands there. Never throws. */
  store(document: DocumentBody): Promise<void>;
  counts(): LaneCounts;
}

/**
 * Documents with versions. Memory answers by itself while the lease is held and nothing blocks the product (R1). Everything else is read the
 * validated way (R2): Postgres says which version stands, memory and Redis only spare the loading of its body, and neither is used at
 * another (version, token) than Postgres has just named.
 * @param lease null: there is none, every read is validated
 * @param isLost whether an error means that Postgres does not answer, in which case the last known document is served, marked
 *   `unverified`; null: such a read fails (R4)
 */
export function createDocuments(options: {
  source: DocumentSource;
  memory: Memory;
  store: RedisStore;
  clock: Clock;
  catalogId: string;
  counters: (row: ReadRow) => RowCounters;
  lease: Lease | null;
  isLost: ((error: unknown) => boolean) | null;
  sampler: Sampler | null;
  overload: () => Error;
  timeout: () => Error;
}): Documents {
  const { memory, clock, counters, lease, sampler } = options;
  const policy = policies.productDetail;
  const noMark: Mark = { sequence: 0, epoch: 0 };
  const lane = createVersionLane<Mark>({ versions: options.source.versions, mark: () => lease?.mark() ?? noMark, ...options });
  const bodies = createBodies(options);

  /** R1. No await between these checks and the answer's use of what they found. Null: memory knows that there is nothing. */
  function find(lookup: string): DocumentEntry | null | undefined {
    const now = clock.now();
    if (!lease?.mayHit(lookup, now)) return undefined;
    if (lookup.startsWith('id:')) return believable(lookup, now);
    const ref = memory.get(lookup) as LookupEntry | undefined;
    if (!ref || ref.epoch !== lease.epoch() || ref.freshUntil <= now) return undefined;
    if (ref.key === null) return null;
    return lease.isBlocked(ref.key) ? undefined : believable(ref.key, now);
  }

  function believable(key: string, now: number): DocumentEntry | undefined {
    const entry = memory.get(key) as DocumentEntry | undefined;
    return entry && entry.epoch === lease?.epoch() && entry.freshUntil > now ? entry : undefined;
  }

  function peek(row: DocumentRow, lookup: string): DocumentAnswer | undefined {
    const held = find(lookup);
    if (held === undefined) return undefined;
    if (held && sampler?.isDue()) sampler.sample(lookup, held, () => find(lookup) === held);
    const outcome = held ? 'memory' : 'absent';
    counters(row).count(outcome);
    return { held, outcome } as DocumentAnswer;
  }

  // R3
  const epochFor = (key: string, mark: Mark) => (lease?.mayInstall(key, mark) ? lease.epoch() : 0);

  /** The entry in memory if it is the very version Postgres named. From then on memory may answer with it by itself, if R3 holds. */
  function confirm(version: Version, mark: Mark): DocumentEntry | undefined {
    const key = `id:${version.id}`;
    const entry = memory.get(key) as DocumentEntry | undefined;
    if (!entry || entry.version !== version.version || entry.token !== version.token || entry.freshUntil <= clock.now()) return undefined;
    const epoch = epochFor(key, mark);
    if (epoch > 0) entry.epoch = epoch;
    entry.knownAt = clock.now();
    return entry;
  }

  /**
   * 1. A read asks which version stands and is told 7. 2. A write blocks the product, commits 8 and frees it. 3. The read arrives with the
   * body of 7. It may answer with 7, because it began before the write was acknowledged, but memory must never answer with it: R3 sees
   * that the product was touched. The body may still stay to spare a load, but not in the place of a newer one, unless the question was
   * sent after that had become known, which means that the database went back (a backup).
   * @param askedAt monotonic ms at which the body was asked for
   */
  function keep(body: DocumentBody, mark: Mark, askedAt: number): DocumentEntry {
    const key = `id:${body.id}`;
    const epoch = epochFor(key, mark);
    const made = makeEntry(body, epoch);
    const stands = memory.get(key) as DocumentEntry | undefined;
    const isOlder = stands !== undefined && stands.version > body.version && stands.knownAt >= askedAt;
    if (lease && epoch === 0) counters('productDetail').fillsRefused += 1;
    if (!isOlder) made.install();
    return made.entry;
  }

  function makeEntry({ id, slug, version, token, json }: DocumentBody, epoch: number) {
    const now = clock.now();
    const freshUntil = now + jittered(policy.freshMs, tuning.jitter);
    return createDocumentEntry(memory, `id:${id}`, { id, slug, version, token, json, epoch, knownAt: now, freshUntil });
  }

  function remember(lookup: string, id: string | null, epoch: number) {
    if (lookup.startsWith('id:')) return;
    const stands = memory.get(lookup) as LookupEntry | undefined;
    if (epoch === 0 && stands && stands.epoch === lease?.epoch()) return;
    const life = jittered(id === null ? policy.absentMs : policy.freshMs, tuning.jitter);
    memory.set(lookup, { key: id === null ? null : `id:${id}`, epoch, freshUntil: clock.now() + life } satisfies LookupEntry, 100);
  }

  /** R2 */
  async function ask(lookups: readonly string[]): Promise<Map<string, DocumentAnswer>> {
    const answers = new Map<string, DocumentAnswer>();
    const { found, sentAt, mark } = await lane.ask(lookups);
    const wanted = new Map<string, Version>();
    for (const lookup of lookups) {
      const version = found.get(lookup);
      remember(lookup, version?.id ?? null, epochFor(lookup, mark));
      if (!version) answers.set(lookup, { held: null, outcome: 'miss' });
      else {
        const held = confirm(version, mark);
        if (held) answers.set(lookup, { held, outcome: 'validated' });
        else wanted.set(lookup, version);
      }
    }
    if (wanted.size === 0) return answers;
    const loaded = await bodies.fetch([...wanted.values()], sentAt);
    for (const [lookup, version] of wanted) {
      const got = loaded.get(version.id);
      // Postgres has named a version that the body is behind of: it was read somewhere else.
      if (got && got.body.version < version.version) throw options.timeout();
      answers.set(lookup, got ? { held: keep(got.body, mark, got.asOf), outcome: got.outcome } : { held: null, outcome: 'miss' });
    }
    return answers;
  }

  /** R4 */
  async function askOrRefuse(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>> {
    let answers: Map<string, DocumentAnswer>;
    try {
      answers = await withTimeout(ask(lookups), tuning.readMs, options.timeout, clock);
    } catch (error) {
      if (!options.isLost?.(error)) throw error;
      answers = lastKnown(lookups, error);
    }
    for (const answer of answers.values()) counters(row).count(answer.outcome);
    return answers;
  }

  function lastKnown(lookups: readonly string[], error: unknown): Map<string, DocumentAnswer> {
    return new Map(
      lookups.map((lookup) => {
        const key = lookup.startsWith('id:') ? lookup : (memory.get(lookup) as LookupEntry | undefined)?.key;
        const held = key ? (memory.get(key) as DocumentEntry | undefined) : undefined;
        if (!held) throw error;
        return [lookup, { held, outcome: 'unverified' }];
      }),
    );
  }

  async function readMany(row: DocumentRow, lookups: readonly string[]): Promise<Map<string, DocumentAnswer>> {
    const answers = new Map<string, DocumentAnswer>();
    const rest: string[] = [];
    for (const lookup of new Set(lookups)) {
      const answer = peek(row, lookup);
      if (answer) answers.set(lookup, answer);
      else rest.push(lookup);
    }
    if (rest.length > 0) for (const [lookup, answer] of await askOrRefuse(row, rest)) answers.set(lookup, answer);
    return answers;
  }

  return {
    hit(row, slug) {
      const lookup = `slug:${slug}`;
      const held = find(lookup);
      if (!held || held.slug !== slug) return undefined;
      if (sampler?.isDue()) sampler.sample(lookup, held, () => find(lookup) === held);
      counters(row).hits += 1;
      return held;
    },
    readMany,
    async read(row, lookup) {
      const answer = peek(row, lookup) ?? (await askOrRefuse(row, [lookup])).get(lookup);
      return answer ?? { held: null, outcome: 'miss' };
    },
    install(document, keys) {
      if (!lease) return;
      makeEntry(document, lease.epoch()).install();
      const lookup = `slug:${document.slug}`;
      if (keys.includes(lookup)) remember(lookup, document.id, lease.epoch());
    },
    store: (document) => bodies.put(document),
    counts: () => lane.counts(),
  };
}
