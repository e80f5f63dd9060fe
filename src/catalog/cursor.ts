import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.js';
import type { ListingPosition, ListingQuery } from './listing.js';

const Position = z.tuple([z.string(), z.union([z.string(), z.number(), z.null()]), z.uuid()]);

/** Turns places in a listing into opaque cursors and back. A cursor works only for the question it was issued for. */
export interface Cursors {
  encode(query: ListingQuery, position: ListingPosition): string;
  /** Throws `unknown_cursor` for one that we did not issue, or issued for other filters, another sort or another currency. */
  decode(query: ListingQuery, cursor: string): ListingPosition;
}

/** @param secret the same on every instance, so that a page may go on elsewhere; it proves where a cursor comes from and hides nothing */
export function createCursors(secret: string): Cursors {
  const seal = (payload: string) => `${payload}.${createHmac('sha256', secret).update(payload).digest().subarray(0, 12).toString('base64url')}`;
  return {
    encode(query, position) {
      return seal(Buffer.from(JSON.stringify([questionOf(query), position.key, position.id])).toString('base64url'));
    },
    decode(query, cursor) {
      const refused = (cause?: unknown) =>
        new AppError('unknown_cursor', 'This cursor was not issued for this listing: begin again without one', { cause });
      const [payload = ''] = cursor.split('.', 1);
      // The text and not what it decodes to: base64 is read leniently, and a cursor with something behind it is not the one we issued.
      const given = Buffer.from(cursor);
      const expected = Buffer.from(seal(payload));
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
      const parsed = Position.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
      if (!parsed.success) throw refused(parsed.error);
      const [question, key, id] = parsed.data;
      if (question !== questionOf(query)) throw refused();
      return { key, id };
    },
  };
}

/** What a cursor is bound to: everything but the page size and the place. */
function questionOf({ limit: _limit, after: _after, ...question }: ListingQuery): string {
  const sorted = Object.entries({ ...question, options: Object.entries(question.options).sort() })
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 16);
}
