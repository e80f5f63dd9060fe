import { randomUUID } from 'node:crypto';
import type { DocumentBody, DocumentSource } from '../../src/cache/document-bodies.js';
import type { Version } from '../../src/cache/version-lane.js';

export interface HeldCall<T> {
  wanted: readonly string[];
  answer(rows: readonly T[]): void;
  fail(error: Error): void;
}

/** A source whose every answer is given by hand: what a test says, when it says so. */
export interface HeldSource extends DocumentSource {
  /** The next version query, as soon as it is sent. */
  nextVersions(): Promise<HeldCall<Version>>;
  /** The next load, as soon as it is sent. */
  nextDocuments(): Promise<HeldCall<DocumentBody>>;
  sent: { versions: number; documents: number };
}

export function createHeldSource(): HeldSource {
  const versions = createLine<Version>((row, wanted) => wanted.filter((lookup) => lookup === `id:${row.id}` || lookup === `slug:${row.slug}`));
  const documents = createLine<DocumentBody>((row, wanted) => wanted.filter((id) => id === row.id));
  const sent = { versions: 0, documents: 0 };
  return {
    sent,
    versions: (wanted) => {
      sent.versions += 1;
      return versions.call(wanted);
    },
    documents: (wanted) => {
      sent.documents += 1;
      return documents.call(wanted);
    },
    nextVersions: () => versions.next(),
    nextDocuments: () => documents.next(),
  };
}

/** A document of one product at a version, with a price to tell it by. */
export function documentAt(version: number, price: number, changes: Partial<DocumentBody> = {}): DocumentBody {
  return { id: productId, slug: 'lamp', version, token: `token-${version}`, json: JSON.stringify({ price }), ...changes };
}

export const productId = randomUUID();

export function priceOf(held: { json: string } | null | undefined): number | undefined {
  return held ? (JSON.parse(held.json) as { price: number }).price : undefined;
}

function createLine<T>(namesOf: (row: T, wanted: readonly string[]) => string[]) {
  const calls: HeldCall<T>[] = [];
  const takers: ((call: HeldCall<T>) => void)[] = [];
  return {
    call(wanted: readonly string[]): Promise<Map<string, T>> {
      return new Promise((resolve, reject) => {
        const call: HeldCall<T> = {
          wanted,
          answer: (rows) => resolve(new Map(rows.flatMap((row) => namesOf(row, wanted).map((name) => [name, row])))),
          fail: reject,
        };
        const taker = takers.shift();
        if (taker) taker(call);
        else calls.push(call);
      });
    },
    next(): Promise<HeldCall<T>> {
      const call = calls.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => takers.push(resolve));
    },
  };
}
