import type { FreshKey, KeyStore, SecretKey, StoredKey } from '../access/ports.js';
import type { Database } from './client.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

// Whether a key has expired is for the one clock to say that all instances share.
const columns = `
  id, prefix, name, scopes, created_at AS "createdAt", created_by AS "createdBy", expires_at AS "expiresAt", revoked_at AS "revokedAt",
  last_used_at AS "lastUsedAt", replaced_by AS "replacedBy",
  CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'active' END AS state,
  (1000 * extract(epoch FROM expires_at - now()))::float8 AS "leftMs", (1000 * extract(epoch FROM now() - last_used_at))::float8 AS "unusedMs"`;

const fresh = 'id, prefix, hash, name, scopes, created_at, created_by, expires_at';

// Of what does not end the least is NULL, which `least` passes over.
const freshValues = `
  $1::uuid, $2::text, $3::bytea, $4::text, $5::text[], now(), $6::text, least(now() + $7::float8 * interval '1 millisecond', $8::timestamptz)`;

const insertSql: Statement = { name: 'api_key_insert', text: `INSERT INTO api_key (${fresh}) SELECT ${freshValues} RETURNING ${columns}` };
// The lock on the old row makes the second of two rotations see what the first has done. The reference is checked when both rows stand.
const replaceSql: Statement = {
  name: 'api_key_replace',
  text: `
    WITH old AS (
        UPDATE api_key SET replaced_by = $1, expires_at = least(expires_at, now() + $10::float8 * interval '1 millisecond')
        WHERE id = $9::uuid AND replaced_by IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        RETURNING ${columns}
    ), made AS (
        INSERT INTO api_key (${fresh}) SELECT ${freshValues} FROM old
        RETURNING ${columns}
    )
    SELECT * FROM old UNION ALL SELECT * FROM made`,
};
const revokeSql: Statement = {
  name: 'api_key_revoke',
  text: `UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING ${columns}`,
};
const findByIdSql: Statement = { name: 'api_key_by_id', text: `SELECT ${columns} FROM api_key WHERE id = $1` };
const findByPrefixSql: Statement = { name: 'api_key_by_prefix', text: `SELECT ${columns}, hash FROM api_key WHERE prefix = ANY ($1)` };
const listSql: Statement = {
  name: 'api_key_list',
  text: `SELECT ${columns} FROM api_key WHERE $2::uuid IS NULL OR id < $2 ORDER BY id DESC LIMIT $1`,
};
const hasActiveSql: Statement = {
  name: 'api_key_has_active',
  text: `SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS "isAny"`,
};
const noteUseSql: Statement = {
  name: 'api_key_note_use',
  text: `UPDATE api_key SET last_used_at = now() WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
};

/** The keys of the admin, one row each. Ids are in the order of time, so they are the order of the list. */
export function createApiKeys({ pool }: Pick<Database, 'pool'>): KeyStore {
  const query = createPoolQuery(pool);
  const valuesOf = (key: FreshKey) => [key.id, key.prefix, key.hash, key.name, key.scopes, key.createdBy, key.lifeMs, key.endsBy];
  const findSecrets = (prefixes: readonly string[]) => query<SecretKey>(findByPrefixSql, [prefixes]);

  return {
    async insert(key) {
      return (await query<StoredKey>(insertSql, valuesOf(key)))[0] as StoredKey;
    },
    async replace(id, key, overlapMs) {
      if (!isUuid(id)) return null;
      const rows = await query<StoredKey>(replaceSql, [...valuesOf(key), id, overlapMs]);
      const made = rows.find((row) => row.id === key.id);
      const old = rows.find((row) => row.id !== key.id);
      return old && made ? { old, made } : null;
    },
    revoke: async (id) => (isUuid(id) ? ((await query<StoredKey>(revokeSql, [id]))[0] ?? null) : null),
    async find(by) {
      if ('id' in by) return isUuid(by.id) ? ((await query<StoredKey>(findByIdSql, [by.id]))[0] ?? null) : null;
      const [found] = await findSecrets([by.prefix]);
      if (!found) return null;
      const { hash: _, ...key } = found;
      return key;
    },
    findSecrets,
    list: (limit, after) => query<StoredKey>(listSql, [limit, after]),
    hasActive: async () => (await query<{ isAny: boolean }>(hasActiveSql, []))[0]?.isAny === true,
    async noteUse(id) {
      await query(noteUseSql, [id]);
    },
  };
}
