import type { Clock } from './clock.js';
import { jittered } from './clock.js';
import { fillOnce, type Look, outcomeOfFill } from './fill-once.js';
import { cacheKey } from './keys.js';
import type { Outcome } from './outcome.js';
import { policies, tuning } from './policies.js';
import { type Down, down, type RedisStore, type StoredDocument } from './redis-store.js';
import type { Version } from './version-lane.js';

/** A document as one statement read it: the JSON and the version it belongs to. */
export interface DocumentBody extends Version {
  json: string;
}

/** Where documents come from: Postgres. */
export interface DocumentSource {
  versions(lookups: readonly string[]): Promise<Map<string, Version>>;
  documents(ids: readonly string[]): Promise<Map<string, DocumentBody>>;
}

export interface FetchedBody {
  body: DocumentBody;
  outcome: Outcome;
  /** Monotonic ms at which the body was known to stand. */
  asOf: number;
}

/**
 * The bodies of versions that Postgres has named: from Redis where it holds that very version, else loaded. One loader per (id, version) in
 * this process; for a single document one loader across all instances, for a page of many one statement for what is missing.
 */
export function createBodies(options: { source: DocumentSource; store: RedisStore; clock: Clock; catalogId: string }) {
  const { source, store, clock } = options;
  const flights = new Map<string, Promise<FetchedBody | null>>();
  const keyOf = (id: string) => cacheKey(options.catalogId, 'productDetail', id);
  const life = () => jittered(policies.productDetail.freshMs, tuning.jitter);

  async function load(ids: readonly string[]): Promise<Map<string, FetchedBody>> {
    const asOf = clock.now();
    const documents = await source.documents(ids);
    return new Map([...documents].map(([id, body]) => [id, { body, outcome: 'miss', asOf }]));
  }

  function usable(stored: StoredDocument | null | Down, version: Version, sentAt: number): FetchedBody | null {
    if (stored === null || stored === down || stored.version !== version.version || stored.token !== version.token) return null;
    const { id, slug, token } = version;
    return { body: { id, slug, version: version.version, token, json: stored.body }, outcome: 'redis', asOf: sentAt };
  }

  async function fetchOne(version: Version, sentAt: number): Promise<FetchedBody | null> {
    const key = keyOf(version.id);
    const first = await store.document(key);
    const stored = usable(first, version, sentAt);
    if (stored) return stored;
    if (first === down) return lookedUp((await load([version.id])).get(version.id), store.withoutIt);

    const filled = await fillOnce<FetchedBody | null>(store, clock, {
      key,
      async look(): Promise<Look<FetchedBody | null>> {
        const seen = await store.document(key);
        if (seen === down) return down;
        const value = usable(seen, version, sentAt);
        if (value) return { value };
        return seen && seen.version > version.version ? 'moved' : 'nothing';
      },
      load: async () => (await load([version.id])).get(version.id) ?? null,
      store: async (value, lock) => {
        if (value) return store.fillDocument(key, lock, toStored(value.body), life());
        await store.unlock(key, lock);
        return true;
      },
    });
    return lookedUp(filled.value, outcomeOfFill(filled));
  }

  async function fetchMany(versions: readonly Version[], sentAt: number): Promise<Map<string, FetchedBody>> {
    const got = new Map<string, FetchedBody>();
    const stored = await Promise.all(versions.map((version) => store.document(keyOf(version.id))));
    versions.forEach((version, i) => {
      const body = usable(stored[i] ?? null, version, sentAt);
      if (body) got.set(version.id, body);
    });
    const missing = versions.filter((version) => !got.has(version.id)).map((version) => version.id);
    if (missing.length === 0) return got;
    const isDown = stored.includes(down);
    for (const [id, loaded] of await load(missing)) {
      got.set(id, { ...loaded, outcome: isDown ? store.withoutIt : 'stored' });
      // Not awaited: the answer is loaded, and whether Redis takes it changes nothing about it. It never rejects.
      if (!isDown) void store.putDocument(keyOf(id), toStored(loaded.body), life());
    }
    return got;
  }

  return {
    /** The bodies by id. A version whose document is gone by now is missing. Throws what the source throws, to everyone who waits for it. */
    async fetch(versions: readonly Version[], sentAt: number): Promise<Map<string, FetchedBody>> {
      const result = new Map<string, FetchedBody>();
      const mine: Version[] = [];
      const joined: Promise<void>[] = [];
      for (const version of new Map(versions.map((v) => [v.id, v])).values()) {
        const flight = flights.get(flightKey(version));
        if (!flight) mine.push(version);
        else {
          joined.push(
            flight.then((body) => {
              if (body) result.set(version.id, { ...body, outcome: body.outcome === 'redis-down' ? 'redis-down' : 'collapsed' });
            }),
          );
        }
      }
      const flown = takeOff(mine, sentAt);
      await Promise.all([
        ...joined,
        ...flown.map(async ([id, flight]) => {
          const body = await flight;
          if (body) result.set(id, body);
        }),
      ]);
      return result;
    },

    /** Into Redis, unless a newer version stands there. Never throws, never waits long. */
    async put(document: DocumentBody): Promise<void> {
      await store.putDocument(keyOf(document.id), toStored(document), life());
    },
  };

  function takeOff(versions: readonly Version[], sentAt: number): [string, Promise<FetchedBody | null>][] {
    const [only] = versions;
    const many = versions.length > 1 ? fetchMany(versions, sentAt) : null;
    return versions.map((version) => {
      const flight = many ? many.then((bodies) => bodies.get(version.id) ?? null) : fetchOne(only as Version, sentAt);
      const key = flightKey(version);
      flights.set(key, flight);
      const land = () => {
        flights.delete(key);
      };
      flight.then(land, land);
      return [version.id, flight];
    });
  }
}

function flightKey(version: Version): string {
  return `${version.id}:${version.version}:${version.token}`;
}

function toStored(body: DocumentBody): StoredDocument {
  return { version: body.version, token: body.token, body: body.json };
}

function lookedUp(fetched: FetchedBody | null | undefined, outcome: Outcome): FetchedBody | null {
  return fetched ? { ...fetched, outcome } : null;
}
