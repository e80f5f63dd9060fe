-- The guard asks what it asked before, on the way that every price change takes without a function for each question: an update of products and
-- of what belongs to their variants.

CREATE OR REPLACE FUNCTION guard_product() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM require_write(ARRAY(SELECT id FROM after_rows), TG_TABLE_NAME);
        PERFORM require_slugs(ARRAY(SELECT slug FROM after_rows), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM require_write(ARRAY(SELECT id FROM before_rows), TG_TABLE_NAME);
        PERFORM require_slugs(ARRAY(SELECT slug FROM before_rows), TG_TABLE_NAME);
    ELSE
        IF EXISTS (
            SELECT FROM (SELECT id FROM before_rows UNION ALL SELECT id FROM after_rows) AS t
            WHERE NOT EXISTS (
                SELECT FROM write_log w
                WHERE w.xid = pg_current_xact_id() AND w.at = CURRENT_TIMESTAMP::timestamptz(3) AND (w.covers_all OR t.id = ANY (w.product_ids)))
        ) THEN
            PERFORM refuse_change(TG_TABLE_NAME);
        END IF;
        -- As many rows as before have the slugs of before, or some have not.
        IF EXISTS (SELECT FROM before_rows b LEFT JOIN after_rows a ON a.id = b.id AND a.slug = b.slug WHERE a.id IS NULL) THEN
            PERFORM require_slugs(ARRAY(
                SELECT s.slug FROM before_rows b FULL JOIN after_rows a ON a.id = b.id CROSS JOIN LATERAL (VALUES (b.slug), (a.slug)) AS s (slug)
                WHERE b.slug IS DISTINCT FROM a.slug AND s.slug IS NOT NULL), TG_TABLE_NAME);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION guard_variant_part() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM require_write(ARRAY(SELECT DISTINCT v.product_id FROM after_rows r JOIN variant v ON v.id = r.variant_id), TG_TABLE_NAME);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM require_write(ARRAY(SELECT DISTINCT v.product_id FROM before_rows r JOIN variant v ON v.id = r.variant_id), TG_TABLE_NAME);
    ELSIF EXISTS (
        SELECT FROM (SELECT variant_id FROM before_rows UNION SELECT variant_id FROM after_rows) r JOIN variant v ON v.id = r.variant_id
        WHERE NOT EXISTS (
            SELECT FROM write_log w
            WHERE w.xid = pg_current_xact_id() AND w.at = CURRENT_TIMESTAMP::timestamptz(3) AND (w.covers_all OR v.product_id = ANY (w.product_ids)))
    ) THEN
        PERFORM refuse_change(TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
