-- W4, first statement: what it did before, in three statements where there were seven, because every price change waits for it.
CREATE OR REPLACE FUNCTION begin_write(write_token uuid, key_count integer) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    found_keys integer;
    ids uuid[];
    write_slugs text[];
    is_all boolean;
    stray text;
BEGIN
    -- The blocks of the token must all be there, or somebody has ended this write (the reaper, a search for its outcome).
    WITH gone AS (DELETE FROM block WHERE token = write_token RETURNING key)
    SELECT count(*), coalesce(array_agg(substr(key, 4)::uuid) FILTER (WHERE key LIKE 'id:%'), '{}'),
        coalesce(array_agg(substr(key, 6)) FILTER (WHERE key LIKE 'slug:%'), '{}'), coalesce(bool_or(key = '*'), false)
    INTO found_keys, ids, write_slugs, is_all FROM gone;
    IF found_keys <> key_count THEN
        RAISE EXCEPTION 'write % has % of its % blocks: it took too long and was ended', write_token, found_keys, key_count USING ERRCODE = 'TT001';
    END IF;
    INSERT INTO write_log (token, product_ids, slugs, covers_all, xid) VALUES (write_token, ids, write_slugs, is_all, pg_current_xact_id());
    IF is_all THEN
        PERFORM FROM product ORDER BY id FOR UPDATE;
        UPDATE product SET version = version + 1, last_token = write_token, updated_at = greatest(updated_at, clock_timestamp());
        RETURN;
    END IF;
    -- Several are locked in the order of their ids, so that no two writes wait for each other. One has no order.
    IF cardinality(ids) > 1 THEN
        PERFORM FROM product WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
    END IF;
    WITH bumped AS (
        UPDATE product SET version = version + 1, last_token = write_token, updated_at = greatest(updated_at, clock_timestamp())
        WHERE id = ANY (ids) RETURNING slug
    )
    SELECT slug INTO stray FROM bumped WHERE slug <> ALL (write_slugs) LIMIT 1;
    IF stray IS NOT NULL THEN
        RAISE EXCEPTION 'a product of write % has the slug % by now, which is not blocked', write_token, stray USING ERRCODE = 'TT002';
    END IF;
END $$;
