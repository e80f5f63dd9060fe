import type { Memory } from './memory.js';

/** A document in memory: its JSON, and what was made of it, all of one version. */
export interface HeldDocument {
  readonly id: string;
  /** Its current slug, whatever it was asked for by. */
  readonly slug: string;
  readonly version: number;
  readonly token: string;
  readonly json: string;
  /**
   * Something made of the document, once per `key` and held with it: prepared bytes, a summary. `make` gets the parsed document, a fresh
   * copy that nobody else holds, and what it was parsed from; `bytes` says what the result weighs.
   */
  derive<T>(key: string, make: (document: unknown, from: HeldDocument) => T, bytes: (made: T) => number): T;
}

export interface DocumentEntry extends HeldDocument {
  /** The epoch of the lease in which memory may answer with it by itself; 0: in none, it only spares loading the body. */
  epoch: number;
  /** Monotonic ms at which this process last learned that it stands. */
  knownAt: number;
  /** Monotonic ms after which the body is loaded again. */
  freshUntil: number;
}

/** The answer "this lookup leads to that document", or to nothing. */
export interface LookupEntry {
  /** `id:<uuid>`. */
  key: string | null;
  epoch: number;
  freshUntil: number;
}

/** @param key the memory key, under which the entry's weight is corrected as things are derived */
export function createDocumentEntry(
  memory: Memory,
  key: string,
  from: { id: string; slug: string; version: number; token: string; json: string; epoch: number; knownAt: number; freshUntil: number },
): { entry: DocumentEntry; install(): void } {
  const derived = new Map<string, unknown>();
  const { id, slug, version, token, json, epoch, knownAt, freshUntil } = from;
  let bytes = 2 * json.length;
  const entry: DocumentEntry = {
    id,
    slug,
    version,
    token,
    json,
    epoch,
    knownAt,
    freshUntil,
    derive(name, make, weigh) {
      if (derived.has(name)) return derived.get(name) as ReturnType<typeof make>;
      const made = make(JSON.parse(json), entry);
      derived.set(name, made);
      bytes += weigh(made) + 100;
      if (memory.get(key) === entry) memory.set(key, entry, bytes);
      return made;
    },
  };
  return { entry, install: () => memory.set(key, entry, bytes) };
}
