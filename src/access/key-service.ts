import { v7 as newId } from 'uuid';
import { AppError } from '../errors.js';
import { type ApiKey, type CreatedKey, type KeyRotation, type NewKey, type RotatedKey, toApiKey } from './api-key.js';
import { type Caller, requireScope } from './caller.js';
import type { FreshKey, KeyStore, StoredKey } from './ports.js';
import { knownScopes, type Scope } from './scope.js';
import { makeKey } from './secret.js';

/** What the log tells of it. Keys stand there by their prefixes. */
export interface KeyChange {
  what: 'created' | 'rotated' | 'revoked';
  key: string;
  /** What took the place of the key that was rotated. */
  into?: string;
  by: string;
  scopes: readonly Scope[];
  /** Of the key that was made, or else of the one that was revoked. */
  expiresAt: string | null;
}

export interface KeyService {
  /** Throws `missing_scope` for a scope that whoever makes it does not have, `outlives_maker` where they would end before it. */
  create(wanted: NewKey, by: Grantor): Promise<CreatedKey>;
  /** The newest first; `nextCursor` is null on the last page. */
  list(limit: number, cursor: string | null): Promise<{ data: ApiKey[]; nextCursor: string | null }>;
  /** Throws `not_found`. */
  get(by: { id: string } | { prefix: string }): Promise<ApiKey>;
  /**
   * Makes a key of the same name and scopes; the old one goes on for the overlap. Throws `not_found`, `missing_scope` and `outlives_maker`
   * as `create` does, `conflict` for a key that has ended or has been rotated before.
   */
  rotate(id: string, rotation: KeyRotation, by: Grantor): Promise<RotatedKey>;
  /** Throws `not_found`. Revoking twice is revoking once. */
  revoke(id: string, by: Grantor): Promise<ApiKey>;
}

export type Grantor = Pick<Caller, 'keyId' | 'scopes' | 'end'>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Makes keys and ends them. A key itself is in the answer that makes it and nowhere else. */
export function createKeyService({ keys, onChange }: { keys: KeyStore; onChange?: (change: KeyChange) => void }): KeyService {
  const gone = () => new AppError('not_found', 'No such key');

  function fresh(name: string, scopes: readonly Scope[], by: Grantor, lifeMs: number | null): { row: FreshKey; key: string } {
    requireHeld(scopes, by);
    requireWithin(lifeMs, by);
    const { key, prefix, hash } = makeKey();
    return { key, row: { id: newId(), prefix, hash, name, scopes, createdBy: by.keyId, lifeMs, endsBy: by.end?.at ?? null } };
  }

  function tell(what: KeyChange['what'], key: string, { prefix, scopes, expiresAt }: StoredKey, by: Grantor): void {
    const into = key === prefix ? {} : { into: prefix };
    onChange?.({ what, key, ...into, by: by.keyId, scopes: knownScopes(scopes), expiresAt: expiresAt?.toISOString() ?? null });
  }

  /** Nobody gives what they do not have: else `keys:admin` would be every scope. */
  function requireHeld(scopes: readonly Scope[], by: Grantor): void {
    for (const scope of scopes) requireScope(by, scope, 'A key is made by one that may do as much. ');
  }

  /** Nor for longer: else a key that expires would live on in the one that it makes on its last day. */
  function requireWithin(lifeMs: number | null, { end }: Grantor): void {
    if (end === null || (lifeMs !== null && lifeMs <= end.leftMs)) return;
    const days = Math.floor(end.leftMs / dayMs);
    const remedy = days < 1 ? 'it has less than a day left and makes none' : `expiresInDays may be 1 to ${days}`;
    throw new AppError('outlives_maker', `This key expires at ${end.at.toISOString()} and makes none that outlives it: ${remedy}`);
  }

  async function require(by: { id: string } | { prefix: string }): Promise<StoredKey> {
    const stored = await keys.find(by);
    if (stored === null) throw gone();
    return stored;
  }

  return {
    async create({ name, scopes, expiresInDays }, by) {
      const { key, row } = fresh(name, knownScopes(scopes), by, expiresInDays === undefined ? null : expiresInDays * dayMs);
      const made = await keys.insert(row);
      tell('created', made.prefix, made, by);
      return { ...toApiKey(made), key };
    },

    async list(limit, cursor) {
      const rows = await keys.list(limit + 1, cursor);
      const page = rows.slice(0, limit);
      return { data: page.map(toApiKey), nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
    },

    get: async (by) => toApiKey(await require(by)),

    async rotate(id, { overlapHours, expiresInDays }, by) {
      const old = await require({ id });
      const meantMs = old.expiresAt && old.expiresAt.getTime() - old.createdAt.getTime();
      const { key, row } = fresh(old.name, knownScopes(old.scopes), by, expiresInDays === undefined ? meantMs : expiresInDays * dayMs);
      const replaced = await keys.replace(id, row, overlapHours * hourMs);
      if (replaced === null) throw new AppError('conflict', await whyNot(id));
      tell('rotated', old.prefix, replaced.made, by);
      return { ...toApiKey(replaced.made), key, replaces: toApiKey(replaced.old) };
    },

    async revoke(id, by) {
      const stored = await keys.revoke(id);
      if (stored === null) throw gone();
      tell('revoked', stored.prefix, stored, by);
      return toApiKey(stored);
    },
  };

  async function whyNot(id: string): Promise<string> {
    const { state } = await require({ id });
    if (state !== 'active') return `This key is ${state}: create a new one`;
    return 'This key has been rotated already: rotate the one that took its place, or create a new one';
  }
}
