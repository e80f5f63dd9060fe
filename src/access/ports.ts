import type { Scope } from './scope.js';

/** A key as it is kept, without its hash. What depends on the time goes by the clock of the database, which all instances share. */
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
  state: 'active' | 'expired' | 'revoked';
  /** Until it expires; null: it does not. */
  leftMs: number | null;
  /** Since it was last used, as far as that is written down; null: it was not. */
  unusedMs: number | null;
}

export type SecretKey = StoredKey & { hash: Buffer };

/** It is made at the time of the database, lives for `lifeMs` (null: for ever) and never beyond `endsBy`. */
export type FreshKey = Pick<StoredKey, 'id' | 'prefix' | 'name' | 'scopes' | 'createdBy'> & {
  hash: Buffer;
  lifeMs: number | null;
  endsBy: Date | null;
};

/** What the rules about keys need of the database. Every method throws `database_unavailable` where Postgres does not answer in time. */
export interface KeyStore {
  insert(key: FreshKey): Promise<StoredKey>;
  /**
   * Puts `key` in the place of another, which ends after `overlapMs` unless it ends before. Both or neither; null where the old one is not active
   * any more or has been replaced already, so that of two rotations at once one is made.
   */
  replace(id: string, key: FreshKey, overlapMs: number): Promise<{ made: StoredKey; old: StoredKey } | null>;
  /** Revokes it from now on, or leaves it as it is revoked already. Null where there is none. */
  revoke(id: string): Promise<StoredKey | null>;
  find(by: { id: string } | { prefix: string }): Promise<StoredKey | null>;
  /** For whoever presents keys: those that begin like this, with their hashes. */
  findSecrets(prefixes: readonly string[]): Promise<SecretKey[]>;
  /** The newest first; `after` is the last one of the page before. */
  list(limit: number, after: string | null): Promise<StoredKey[]>;
  hasActive(): Promise<boolean>;
  /** Writes down that it was used, unless that was done in the last minute. */
  noteUse(id: string): Promise<void>;
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
