import { v7 as newId } from 'uuid';
import { AppError } from '../errors.js';
import { type ApiKey, type CreatedKey, type KeyRotation, type NewKey, type RotatedKey, stateOf, toApiKey } from './api-key.js';
import { type Caller, requireScope } from './caller.js';
import type { FreshKey, KeyStore, StoredKey } from './ports.js';
import { knownScopes, type Scope } from './scope.js';
import { makeKey } from './secret.js';

export interface KeyChange {
  what: 'created' | 'rotated' | 'revoked';
  /** By its prefix. */
  key: string;
  by: string;
}

export interface KeyService {
  /** Throws `missing_scope` for a scope that whoever makes it does not have. */
  create(wanted: NewKey, by: Grantor): Promise<CreatedKey>;
  /** The newest first; `nextCursor` is null on the last page. */
  list(limit: number, cursor: string | null): Promise<{ data: ApiKey[]; nextCursor: string | null }>;
  /** Throws `not_found`. */
  get(by: { id: string } | { prefix: string }): Promise<ApiKey>;
  /**
   * Makes a key of the same name and scopes; the old one goes on for the overlap. Throws `not_found`, `missing_scope` as `create` does,
   * `conflict` for a key that has ended or has been rotated before.
   */
  rotate(id: string, rotation: KeyRotation, by: Grantor): Promise<RotatedKey>;
  /** Throws `not_found`. Revoking twice is revoking once. */
  revoke(id: string, by: Grantor): Promise<ApiKey>;
}

export type Grantor = Pick<Caller, 'keyId' | 'scopes'>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Makes keys and ends them. A key itself is in the answer that makes it and nowhere else. */
export function createKeyService({ keys, now, onChange }: { keys: KeyStore; now: () => Date; onChange?: (change: KeyChange) => void }): KeyService {
  const gone = () => new AppError('not_found', 'No such key');

  function fresh(name: string, scopes: readonly Scope[], by: Grantor, lifeMs: number | null): { row: FreshKey; key: string } {
    const { key, prefix, hash } = makeKey();
    const createdAt = now();
    const expiresAt = lifeMs === null ? null : new Date(createdAt.getTime() + lifeMs);
    return { key, row: { id: newId(), prefix, hash, name, scopes, createdAt, createdBy: by.keyId, expiresAt } };
  }

  /** Nobody gives what they do not have: else `keys:admin` would be every scope. */
  function requireHeld(scopes: readonly Scope[], by: Grantor): void {
    for (const scope of scopes) requireScope(by, scope, 'A key is made by one that may do as much. ');
  }

  async function require(by: { id: string } | { prefix: string }): Promise<StoredKey> {
    const stored = await keys.find(by);
    if (stored === null) throw gone();
    return stored;
  }

  return {
    async create({ name, scopes, expiresInDays }, by) {
      requireHeld(scopes, by);
      const { key, row } = fresh(name, knownScopes(scopes), by, expiresInDays === undefined ? null : expiresInDays * dayMs);
      const made = await keys.insert(row);
      onChange?.({ what: 'created', key: row.prefix, by: by.keyId });
      return { ...toApiKey(made, now()), key };
    },

    async list(limit, cursor) {
      const rows = await keys.list(limit + 1, cursor);
      const page = rows.slice(0, limit);
      return { data: page.map((row) => toApiKey(row, now())), nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
    },

    get: async (by) => toApiKey(await require(by), now()),

    async rotate(id, { overlapHours, expiresInDays }, by) {
      const old = await require({ id });
      const scopes = knownScopes(old.scopes);
      requireHeld(scopes, by);
      const meantMs = old.expiresAt && old.expiresAt.getTime() - old.createdAt.getTime();
      const { key, row } = fresh(old.name, scopes, by, expiresInDays === undefined ? meantMs : expiresInDays * dayMs);
      const replaced = await keys.replace(id, row, new Date(now().getTime() + overlapHours * hourMs));
      if (replaced === null) throw new AppError('conflict', await whyNot(id));
      onChange?.({ what: 'rotated', key: old.prefix, by: by.keyId });
      return { ...toApiKey(replaced.made, now()), key, replaces: toApiKey(replaced.old, now()) };
    },

    async revoke(id, by) {
      const stored = await keys.revoke(id, now());
      if (stored === null) throw gone();
      onChange?.({ what: 'revoked', key: stored.prefix, by: by.keyId });
      return toApiKey(stored, now());
    },
  };

  async function whyNot(id: string): Promise<string> {
    const stands = await require({ id });
    const state = stateOf(stands, now());
    if (state !== 'active') return `This key is ${state}: create a new one`;
    return 'This key has been rotated already: rotate the one that took its place, or create a new one';
  }
}
