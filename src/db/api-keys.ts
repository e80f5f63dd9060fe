import type { FreshKey, KeyStore, StoredKey } from '../access/ports.js';
import type { Database } from './client.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

const columns = `
  id, prefix, name, scopes, created_at AS "createdAt", created_by AS "createdBy", expires_at AS "expiresAt", revoked_at AS "revokedAt",
  last_used_at AS "lastUsedAt", replaced_by AS "replacedBy"`;

const fresh = 'id, prefix, hash, name, scopes, created_at, created_by, expires_at';

const insertSql: Statement = {
  name: 'api_key_insert',
  text: `INSERT INTO api_key (${fresh}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${columns}`,
};
// The lock on the old row makes the second of two rotations see what the first has done. The reference is checked when both rows stand.
const replaceSql: Statement = {
  name: 'api_key_replace',
  text: `
    WITH old AS (
        UPDATE api_key SET replaced_by = $1, expires_at = least(expires_at, $10::timestamptz)
        WHERE id = $9::uuid AND replaced_by IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $6)
        RETURNING ${columns}
    ), made AS (
        INSERT INTO api_key (${fresh})
        SELECT $1::uuid, $2::text, $3::bytea, $4::text, $5::text[], $6::timestamptz, $7::text, $8::timestamptz FROM old
        RETURNING ${columns}
    )
    SELECT * FROM old UNION ALL SELECT * FROM made`,
};
const revokeSql: Statement = {
  name: 'api_key_revoke',
  text: `UPDATE api_key SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING ${columns}`,
};
const findByIdSql: Statement = { name: 'api_key_by_id', text: `SELECT ${columns} FROM api_key WHERE id = $1` };
const findByPrefixSql: Statement = { name: 'api_key_by_prefix', text: `SELECT ${columns}, hash FROM api_key WHERE prefix = $1` };
const listSql: Statement = {
  name: 'api_key_list',
  text: `SELECT ${columns} FROM api_key WHERE $2::uuid IS NULL OR id < $2 ORDER BY id DESC LIMIT $1`,
};
const hasActiveSql: Statement = {
  name: 'api_key_has_active',
  text: `SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)) AS "isAny"`,
};
const noteUseSql: Statement = {
  name: 'api_key_note_use',
  text: `UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute')`,
};

/** The keys of the admin, one row each. Ids are in the order of time, so they are the order of the list. */
export function createApiKeys({ pool }: Pick<Database, 'pool'>): KeyStore {
  const query = createPoolQuery(pool);
  const valuesOf = (key: FreshKey) => [key.id, key.prefix, key.hash, key.name, key.scopes, key.createdAt, key.createdBy, key.expiresAt];
  type SecretRow = StoredKey & { hash: Buffer };
  const findSecret = async (prefix: string) => (await query<SecretRow>(findByPrefixSql, [prefix]))[0] ?? null;

  return {
    async insert(key) {
      return (await query<StoredKey>(insertSql, valuesOf(key)))[0] as StoredKey;
    },
    async replace(id, key, endsAt) {
      if (!isUuid(id)) return null;
      const rows = await query<StoredKey>(replaceSql, [...valuesOf(key), id, endsAt]);
      const made = rows.find((row) => row.id === key.id);
      const old = rows.find((row) => row.id !== key.id);
      return old && made ? { old, made } : null;
    },
    revoke: async (id, at) => (isUuid(id) ? ((await query<StoredKey>(revokeSql, [id, at]))[0] ?? null) : null),
    async find(by) {
      if ('id' in by) return isUuid(by.id) ? ((await query<StoredKey>(findByIdSql, [by.id]))[0] ?? null) : null;
      const found = await findSecret(by.prefix);
      if (found === null) return null;
      const { hash: _, ...key } = found;
      return key;
    },
    findSecret,
    list: (limit, after) => query<StoredKey>(listSql, [limit, after]),
    hasActive: async (now) => (await query<{ isAny: boolean }>(hasActiveSql, [now]))[0]?.isAny === true,
    async noteUse(id, at) {
      await query(noteUseSql, [id, at]);
    },
  };
}
