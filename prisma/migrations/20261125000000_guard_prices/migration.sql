-- Price truth: blocks that stand before a write commits, the instances that have to see them, and the guard that refuses a write without
-- one. The protocol is told in docs/price-truth.md; W1, W4, W7, J2, N2a are its steps.

-- Logged tables: after a crash they must say what they said before it.
CREATE TABLE block (
    token uuid NOT NULL,
    key text NOT NULL CONSTRAINT block_key_is_a_lookup CHECK (key = '*' OR key LIKE 'id:%' OR key LIKE 'slug:%'),
    writer uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT block_pkey PRIMARY KEY (token, key)
);

CREATE TABLE instance (
    id uuid NOT NULL,
    beat bigint NOT NULL DEFAULT 0,
    lease_ms integer NOT NULL CONSTRAINT instance_lease_is_short CHECK (lease_ms BETWEEN 1 AND 5000),
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT instance_pkey PRIMARY KEY (id)
);

CREATE TABLE write_log (
    token uuid NOT NULL,
    product_ids uuid[],
    slugs text[],
    covers_all boolean NOT NULL DEFAULT false,
    xid xid8 NOT NULL,
    at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT write_log_pkey PRIMARY KEY (token)
);
CREATE INDEX write_log_xid_idx ON write_log (xid);
CREATE INDEX write_log_at_idx ON write_log (at);

-- Which database this is, in which life: the timeline changes with every promotion, the start time with every restart.
CREATE FUNCTION database_pair() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END
        || '/' || extract(epoch FROM pg_postmaster_start_time())
$$;

-- The pair under which every lease that can still run is known to have its row in `instance`. There was no such table until now, so there
-- is no lease at all: this pair is settled.
ALTER TABLE catalog ADD COLUMN settled_pair text;
UPDATE catalog SET settled_pair = database_pair();

-- J2. On disk when it returns, whatever the session says otherwise: a row that a crash takes back would hide a lease.
CREATE FUNCTION join_instance(instance_id uuid, instance_lease_ms integer) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    INSERT INTO instance (id, lease_ms) VALUES (instance_id, instance_lease_ms);
END $$;

-- W1. Not waited for on disk: a block that a crash loses belongs to a write that a crash has ended as well.
CREATE FUNCTION arm_write(write_token uuid, write_keys text[], write_writer uuid, channel text, message text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO block (token, key, writer) SELECT write_token, k, write_writer FROM unnest(write_keys) AS k;
    PERFORM pg_notify(channel, message);
    RETURN database_pair();
END $$;

-- W4, first statement. The blocks of the token must all be there, or somebody has ended this write (the reaper, a search for its outcome).
-- Bumps every product once, stamps the token, and leaves the proof that the guard looks for. Products are locked in the order of their ids.
CREATE FUNCTION begin_write(write_token uuid, key_count integer) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    write_keys text[];
    ids uuid[];
    write_slugs text[];
    is_all boolean;
    stray text;
BEGIN
    WITH gone AS (DELETE FROM block WHERE token = write_token RETURNING key) SELECT coalesce(array_agg(key), '{}') INTO write_keys FROM gone;
    IF cardinality(write_keys) <> key_count THEN
        RAISE EXCEPTION 'write % has % of its % blocks: it took too long and was ended', write_token, cardinality(write_keys), key_count USING ERRCODE = 'TT001';
    END IF;
    ids := ARRAY(SELECT substr(k, 4)::uuid FROM unnest(write_keys) AS k WHERE k LIKE 'id:%');
    write_slugs := ARRAY(SELECT substr(k, 6) FROM unnest(write_keys) AS k WHERE k LIKE 'slug:%');
    is_all := '*' = ANY (write_keys);
    INSERT INTO write_log (token, product_ids, slugs, covers_all, xid) VALUES (write_token, ids, write_slugs, is_all, pg_current_xact_id());
    IF is_all THEN
        PERFORM FROM product ORDER BY id FOR UPDATE;
        UPDATE product SET version = version + 1, last_token = write_token, updated_at = greatest(updated_at, clock_timestamp());
        RETURN;
    END IF;
    PERFORM FROM product WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
    UPDATE product SET version = version + 1, last_token = write_token, updated_at = greatest(updated_at, clock_timestamp()) WHERE id = ANY (ids);
    SELECT slug INTO stray FROM product WHERE id = ANY (ids) AND slug <> ALL (write_slugs) LIMIT 1;
    IF stray IS NOT NULL THEN
        RAISE EXCEPTION 'a product of write % has the slug % by now, which is not blocked', write_token, stray USING ERRCODE = 'TT002';
    END IF;
END $$;

-- W4, last statement: the database must still be the one that took the blocks.
CREATE FUNCTION end_write(armed_pair text, channel text, message text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF database_pair() <> armed_pair THEN
        RAISE EXCEPTION 'the database was restarted or replaced during a write' USING ERRCODE = 'TT001';
    END IF;
    PERFORM pg_notify(channel, message);
END $$;

-- Ends a write. The deletion waits for a transaction that has taken the blocks and is still running; only then, in a snapshot of its own,
-- W7: is there a proof? Present means committed, absent means that it cannot commit any more.
CREATE FUNCTION disarm_write(write_token uuid, channel text, message text) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM block WHERE token = write_token;
    PERFORM pg_notify(channel, message);
    RETURN EXISTS (SELECT FROM write_log WHERE token = write_token);
END $$;

CREATE FUNCTION refuse_change(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % may only be changed by Truetag, or shops would go on showing the old price', what
        USING ERRCODE = 'TT003', HINT = 'Use PATCH /v1/admin/variants/{id}/price, PATCH /v1/admin/products/{id}, or npm run import.';
END $$;

-- The guard. Every statement that changes what a product document shows must be covered by a write_log row of its own transaction. That has its
-- number and its time: a catalog that is restored on another server brings rows with it whose numbers come again there.
CREATE FUNCTION require_write(touched uuid[], what text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(touched) AS t (id)
        WHERE NOT EXISTS (
            SELECT FROM write_log w
            WHERE w.xid = pg_current_xact_id() AND w.at = CURRENT_TIMESTAMP::timestamptz(3) AND (w.covers_all OR t.id = ANY (w.product_ids)))
    ) THEN
        PERFORM refuse_change(what);
    END IF;
END $$;

-- Slugs lead to products, so a slug that begins or ceases to lead to one must be blocked itself.
CREATE FUNCTION require_slugs(touched text[], what text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    stray text;
BEGIN
    SELECT t.slug INTO stray FROM unnest(touched) AS t (slug)
    WHERE NOT EXISTS (
        SELECT FROM write_log w
        WHERE w.xid = pg_current_xact_id() AND w.at = CURRENT_TIMESTAMP::timestamptz(3) AND (w.covers_all OR t.slug = ANY (w.slugs)))
    LIMIT 1;
    IF stray IS NULL THEN RETURN; END IF;
    IF NOT EXISTS (SELECT FROM write_log w WHERE w.xid = pg_current_xact_id() AND w.at = CURRENT_TIMESTAMP::timestamptz(3)) THEN
        PERFORM refuse_change(what);
    END IF;
    RAISE EXCEPTION 'the slug % is not blocked by this write', stray USING ERRCODE = 'TT002';
END $$;

CREATE FUNCTION guard_product() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM require_write(ARRAY(SELECT id FROM after_rows), TG_TABLE_NAME);
        PERFORM require_slugs(ARRAY(SELECT slug FROM after_rows), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM require_write(ARRAY(SELECT id FROM before_rows), TG_TABLE_NAME);
        PERFORM require_slugs(ARRAY(SELECT slug FROM before_rows), TG_TABLE_NAME);
    ELSE
        PERFORM require_write(ARRAY(SELECT id FROM before_rows UNION SELECT id FROM after_rows), TG_TABLE_NAME);
        PERFORM require_slugs(ARRAY(
            SELECT s.slug FROM before_rows b FULL JOIN after_rows a ON a.id = b.id CROSS JOIN LATERAL (VALUES (b.slug), (a.slug)) AS s (slug)
            WHERE b.slug IS DISTINCT FROM a.slug AND s.slug IS NOT NULL), TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION guard_slug_history() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN PERFORM require_slugs(ARRAY(SELECT slug FROM after_rows), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN PERFORM require_slugs(ARRAY(SELECT slug FROM before_rows), TG_TABLE_NAME);
    ELSE PERFORM require_slugs(ARRAY(SELECT slug FROM before_rows UNION SELECT slug FROM after_rows), TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

-- For the tables whose rows name their product.
CREATE FUNCTION guard_product_part() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN PERFORM require_write(ARRAY(SELECT DISTINCT product_id FROM after_rows), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN PERFORM require_write(ARRAY(SELECT DISTINCT product_id FROM before_rows), TG_TABLE_NAME);
    ELSE PERFORM require_write(ARRAY(SELECT product_id FROM before_rows UNION SELECT product_id FROM after_rows), TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

-- For the tables whose rows name their variant. A row whose variant is gone went with it, and the variant has a guard of its own.
CREATE FUNCTION guard_variant_part() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM require_write(ARRAY(SELECT DISTINCT v.product_id FROM after_rows r JOIN variant v ON v.id = r.variant_id), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM require_write(ARRAY(SELECT DISTINCT v.product_id FROM before_rows r JOIN variant v ON v.id = r.variant_id), TG_TABLE_NAME);
    ELSE
        PERFORM require_write(ARRAY(
            SELECT v.product_id FROM (SELECT variant_id FROM before_rows UNION SELECT variant_id FROM after_rows) r JOIN variant v ON v.id = r.variant_id),
            TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

-- A brand's name and a category's title stand in the documents of their products.
CREATE FUNCTION guard_brand() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM require_write(ARRAY(
        SELECT p.id FROM before_rows b JOIN product p ON p.brand_id = b.id
        WHERE NOT EXISTS (SELECT FROM after_rows a WHERE a.id = b.id AND a.name = b.name)), TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE FUNCTION guard_category() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM require_write(ARRAY(
        SELECT pc.product_id FROM before_rows b JOIN product_category pc ON pc.category_id = b.id
        WHERE NOT EXISTS (SELECT FROM after_rows a WHERE a.id = b.id AND a.slug = b.slug AND a.title = b.title)), TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % may only be changed by Truetag, or shops would go on showing the old price', TG_TABLE_NAME
        USING ERRCODE = 'TT003', HINT = 'Archive products with DELETE /v1/admin/products/{id}, replace them with npm run import, or drop the database.';
END $$;

-- A trigger with transition tables takes one event only, hence three a table.
DO $$
DECLARE
    guarded text[];
BEGIN
    FOREACH guarded SLICE 1 IN ARRAY ARRAY[
        ['product', 'guard_product'], ['slug_history', 'guard_slug_history'],
        ['variant', 'guard_product_part'], ['product_option', 'guard_product_part'], ['product_category', 'guard_product_part'],
        ['product_tag', 'guard_product_part'], ['media', 'guard_product_part'],
        ['price', 'guard_variant_part'], ['variant_option', 'guard_variant_part']
    ] LOOP
        EXECUTE format('CREATE TRIGGER guard_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', guarded[1], guarded[2]);
        EXECUTE format('CREATE TRIGGER guard_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', guarded[1], guarded[2]);
        EXECUTE format('CREATE TRIGGER guard_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', guarded[1], guarded[2]);
        EXECUTE format('CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', guarded[1]);
    END LOOP;
END $$;
CREATE TRIGGER guard_update AFTER UPDATE ON brand REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION guard_brand();
CREATE TRIGGER guard_update AFTER UPDATE ON category REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION guard_category();
