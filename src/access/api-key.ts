import { z } from 'zod';
import type { StoredKey } from './ports.js';
import { knownScopes, Scope } from './scope.js';

const Uuid = z.uuid().toLowerCase();
const time = z.iso.datetime();
const days = z.int().min(1).max(3650);

/** Characters that a terminal and a log show as they are, and not only blanks. */
const Name = z
  .string()
  .regex(
    /^[!-~\u00a1-\ud7ff\ue000-\ufffd][ -~\u00a1-\ud7ff\ue000-\ufffd]{0,99}$/,
    'must be 1 to 100 printable characters that do not begin with a space',
  );

export const NewKey = z
  .strictObject({
    name: Name.describe('For people: what the key is for'),
    scopes: z.array(Scope).min(1).max(50).describe('Only those that the key has which makes it'),
    expiresInDays: days.optional().describe('Left out: it does not expire. Whoever expires makes none that outlives it'),
  })
  .meta({ id: 'NewKey' });
export type NewKey = z.infer<typeof NewKey>;

export const maxOverlapHours = 720;

export const KeyRotation = z
  .strictObject({
    overlapHours: z.int().min(0).max(maxOverlapHours).default(24).describe('How long the old key goes on working'),
    expiresInDays: days.optional().describe('Left out: the new key lives as long as the old one was meant to'),
  })
  .meta({ id: 'KeyRotation' });
export type KeyRotation = z.infer<typeof KeyRotation>;

export const ApiKey = z
  .strictObject({
    id: Uuid,
    prefix: z.string().describe('How the key begins, which is how lists and logs name it'),
    name: z.string(),
    scopes: z.array(Scope),
    state: z.enum(['active', 'expired', 'revoked']),
    createdAt: time,
    createdBy: z.string().describe('`env`, the prefix of a key, `jwt:` with the subject of a token, or `cli`'),
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
    lastUsedAt: time.nullable().describe('To about a minute'),
    replacedBy: Uuid.nullable().describe('The key that a rotation has put in its place'),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

/** Answered once, to whoever made it. */
export const CreatedKey = ApiKey.extend({ key: z.string().describe('The key itself. It is not kept and cannot be shown again') }).meta({
  id: 'CreatedKey',
});
export type CreatedKey = z.infer<typeof CreatedKey>;

export const RotatedKey = CreatedKey.extend({ replaces: ApiKey }).meta({ id: 'RotatedKey' });
export type RotatedKey = z.infer<typeof RotatedKey>;

/** A key as it may be shown. */
export function toApiKey(stored: StoredKey): ApiKey {
  const { id, prefix, name, scopes, state, createdAt, createdBy, expiresAt, revokedAt, lastUsedAt, replacedBy } = stored;
  return {
    ...{ id, prefix, name, scopes: knownScopes(scopes), state, createdAt: createdAt.toISOString(), createdBy },
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    replacedBy,
  };
}
