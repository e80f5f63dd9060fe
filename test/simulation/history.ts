/** A product as one version of it is. */
export interface Row {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
  readonly token: string;
  readonly amount: number;
  readonly isActive: boolean;
}

/** What stood from one moment to another. Moments are numbers of one sequence, so that no two are the same. */
interface Stood<T> {
  readonly what: T;
  readonly from: number;
  to: number;
}

interface Version extends Stood<Row> {
  /** What it looks like to a reader, from the moment of its commit. */
  readonly json: string;
  readonly write: number;
  ackedAt: number;
  /** The end of the first read that showed it. */
  seenAt: number;
}

/**
 * F1: something newer had been acknowledged before the read began. F2: something newer had been shown before it began. early: something newer
 * had been committed before it began. lookup: the slug led somewhere else all the time. torn: there is no such version, or it looks different.
 * lost: acknowledged and not committed. refused: committed, though it was said not to be. unblocked: the database took a write whose keys had
 * not been blocked. order: a commit from before its write began. sampler: the sampler of the service says so. stuck: no hits long after all
 * is well again.
 */
export type ViolationKind = 'F1' | 'F2' | 'early' | 'lookup' | 'torn' | 'lost' | 'refused' | 'unblocked' | 'order' | 'sampler' | 'stuck';

export interface Violation {
  kind: ViolationKind;
  detail: string;
}

export interface Shown {
  id: string;
  slug: string;
  version: number;
  token: string;
  json: string;
}

/**
 * What happened, judged as it happens. A product is a register: a read shows what stood at some moment between its beginning and its end. That
 * is more than F1 and F2 ask for, and what the protocol promises.
 */
export interface History {
  readonly violations: Violation[];
  moment(): number;
  /** A product as the database holds it from now on, and where its slugs lead. `write`: the number of the write that made it. */
  committed(row: Row, write: number): void;
  leads(slug: string, id: string | null): void;
  /** @param began a moment */
  read(lookup: string, began: number, shown: Shown | null, by: string): void;
  acked(write: number, token: string, began: number): void;
  refused(write: number): void;
  violated(kind: ViolationKind, detail: string): void;
  /** Judges what can be judged only afterwards. */
  end(): void;
}

export function bodyOf(row: Row): string {
  return JSON.stringify({ slug: row.slug, version: row.version, amount: row.amount, isActive: row.isActive });
}

export function createHistory(): History {
  const products = new Map<string, Version[]>();
  const slugs = new Map<string, Stood<string | null>[]>();
  const byToken = new Map<string, Version[]>();
  const byWrite = new Map<number, Version>();
  const refused: number[] = [];
  const violations: Violation[] = [];
  let now = 0;

  const violated = (kind: ViolationKind, detail: string) => {
    violations.push({ kind, detail });
  };

  function judgeLookup(slug: string, began: number, id: string | null, by: string) {
    const places = slugs.get(slug) ?? [];
    for (let i = places.length - 1; i >= 0; i -= 1) {
      const place = places[i] as Stood<string | null>;
      if (place.to < began) break;
      if (place.what === id) return;
    }
    if (id === null && (places.length === 0 || (places[0] as Stood<string | null>).from > began)) return;
    violated('lookup', `${by} was told that ${slug} leads to ${id ?? 'nothing'}`);
  }

  function judgeVersion(shown: Shown, began: number, by: string) {
    const versions = products.get(shown.id) ?? [];
    const version = versions[shown.version - 1];
    if (!version || version.what.token !== shown.token || version.json !== shown.json || version.what.slug !== shown.slug) {
      violated('torn', `${by} was shown ${shown.id} at version ${shown.version} as ${shown.json}, which it never was`);
      return;
    }
    if (version.to < began) {
      const newer = versions.slice(shown.version);
      const kind = newer.some(({ ackedAt }) => ackedAt < began) ? 'F1' : newer.some(({ seenAt }) => seenAt < began) ? 'F2' : 'early';
      violated(kind, `${by} was shown ${shown.id} at version ${shown.version}; when it asked, ${versions.length} or one before was in its place`);
    }
    version.seenAt = Math.min(version.seenAt, now);
  }

  return {
    violations,
    moment: () => ++now,
    committed(row, write) {
      const versions = products.get(row.id) ?? [];
      products.set(row.id, versions);
      const at = ++now;
      const last = versions.at(-1);
      if (last) last.to = at;
      const version: Version = {
        what: row,
        json: bodyOf(row),
        write,
        from: at,
        to: Number.POSITIVE_INFINITY,
        ackedAt: Number.POSITIVE_INFINITY,
        seenAt: Number.POSITIVE_INFINITY,
      };
      versions.push(version);
      byToken.set(row.token, [...(byToken.get(row.token) ?? []), version]);
      byWrite.set(write, version);
    },
    leads(slug, id) {
      const places = slugs.get(slug) ?? [];
      slugs.set(slug, places);
      const last = places.at(-1);
      if (last?.what === id) return;
      const at = ++now;
      if (last) last.to = at;
      places.push({ what: id, from: at, to: Number.POSITIVE_INFINITY });
    },
    read(lookup, began, shown, by) {
      now += 1;
      if (lookup.startsWith('slug:')) judgeLookup(lookup.slice(5), began, shown?.id ?? null, by);
      else if (shown ? shown.id !== lookup.slice(3) : products.has(lookup.slice(3)))
        violated('lookup', `${by} was told that ${lookup} leads to ${shown?.id ?? 'nothing'}`);
      if (shown) judgeVersion(shown, began, by);
    },
    acked(write, token, began) {
      const made = byToken.get(token) ?? [];
      now += 1;
      if (made[0]?.write !== write) violated('lost', `write ${write} was acknowledged and is not committed`);
      for (const version of made) {
        if (version.from < began) violated('order', `write ${write} was committed before it began`);
        version.ackedAt = now;
      }
    },
    refused: (write) => void refused.push(write),
    violated,
    end() {
      for (const write of refused) if (byWrite.has(write)) violated('refused', `write ${write} was refused and is committed`);
    },
  };
}
