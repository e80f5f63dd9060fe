import type { Scope } from './scope.js';

/** A key as it is kept, without its hash. */
export interface StoredKey {
  id: string;
  prefix: string;
  name: string;
  scopes: readonly Scope[];
  createdAt: Date;
  createdBy: string;
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
  replacedBy: string | null;
}

export type FreshKey = Pick<StoredKey, 'id' | 'prefix' | 'name' | 'scopes' | 'createdAt' | 'createdBy' | 'expiresAt'> & { hash: Buffer };

/** What the rules about keys need of the database. Every method throws `database_unavailable` where Postgres does not answer in time. */
export interface KeyStore {
  insert(key: FreshKey): Promise<StoredKey>;
  /**
   * Puts `key` in the place of another, which ends at `endsAt` unless it ends before. Both or neither; null where the old one is not active
   * any more or has been replaced already, so that of two rotations at once one is made.
   */
  replace(id: string, key: FreshKey, endsAt: Date): Promise<{ made: StoredKey; old: StoredKey } | null>;
  /** Revokes it from now on, or leaves it as it is revoked already. Null where there is none. */
  revoke(id: string, at: Date): Promise<StoredKey | null>;
  find(by: { id: string } | { prefix: string }): Promise<StoredKey | null>;
  /** For whoever presents a key: the one that begins like this, with its hash. */
  findSecret(prefix: string): Promise<(StoredKey & { hash: Buffer }) | null>;
  /** The newest first; `after` is the last one of the page before. */
  list(limit: number, after: string | null): Promise<StoredKey[]>;
  hasActive(now: Date): Promise<boolean>;
  /** Writes down that it was used, unless that was done in the last minute. */
  noteUse(id: string, at: Date): Promise<void>;
}

/** Why a key or a token is not taken. `isGuess`: whoever sent it did not know one; one that has ended had to be known. */
export interface Refusal {
  refused: string;
  isGuess: boolean;
}

/** Whoever can tell the tokens of the trusted issuer from others. */
export interface TokenVerifier {
  /** What a token says of itself, unproven; null where it is none of the kind at all. */
  subjectOf(token: string): string | null;
  /**
   * Who it was issued to and for what. `refused` says why it does not hold, `isGuess` that the issuer has not even signed it. Throws
   * `issuer_unavailable` where the issuer's keys cannot be had, so that nothing can be said of it.
   */
  verify(token: string): Promise<{ subject: string; scopes: readonly string[] } | Refusal>;
}
