-- Keys of the admin. Of a key itself only the SHA-256 is here: it has 192 random bits, which no search finds again. The prefix is the part that
-- may be seen. Rows are not deleted: who had a key, and until when, can be read later on.
CREATE TABLE api_key (
    id uuid NOT NULL,
    prefix text NOT NULL CONSTRAINT api_key_prefix_is_short CHECK (prefix ~ '^ttk_[0-9a-f]{10}$'),
    hash bytea NOT NULL CONSTRAINT api_key_hash_is_sha256 CHECK (octet_length(hash) = 32),
    name text NOT NULL CONSTRAINT api_key_name_is_not_blank CHECK (name <> ''),
    scopes text[] NOT NULL CONSTRAINT api_key_scopes_are_some CHECK (cardinality(scopes) > 0),
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by text NOT NULL,
    expires_at timestamptz(3),
    revoked_at timestamptz(3),
    last_used_at timestamptz(3),
    replaced_by uuid,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES api_key (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE UNIQUE INDEX api_key_prefix_key ON api_key (prefix);
CREATE UNIQUE INDEX api_key_replaced_by_key ON api_key (replaced_by);
