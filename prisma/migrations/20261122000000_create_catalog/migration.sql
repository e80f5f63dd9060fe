-- The catalog: products and everything a shopper sees of them. Nothing here names a schema, so that the tables land wherever the
-- connection's search_path points. Amounts are integer minor units and stay below 2^53, because they travel as JSON numbers.

CREATE TYPE product_status AS ENUM ('draft', 'active', 'archived');
CREATE TYPE stock_policy AS ENUM ('deny', 'continue');
CREATE TYPE import_state AS ENUM ('queued', 'running', 'done', 'refused', 'failed');

CREATE TABLE catalog (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    singleton boolean NOT NULL DEFAULT true CONSTRAINT catalog_is_one_row CHECK (singleton),
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT catalog_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX catalog_singleton_key ON catalog (singleton);
INSERT INTO catalog DEFAULT VALUES;

CREATE TABLE brand (
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT brand_name_is_not_blank CHECK (name <> ''),
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT brand_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX brand_name_key ON brand (name);
CREATE INDEX brand_name_folded_idx ON brand (lower(name));

CREATE TABLE category (
    id uuid NOT NULL,
    parent_id uuid,
    slug text NOT NULL CONSTRAINT category_slug_is_not_blank CHECK (slug <> ''),
    title text NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT category_pkey PRIMARY KEY (id),
    CONSTRAINT category_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES category (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX category_slug_key ON category (slug);
CREATE INDEX category_parent_id_idx ON category (parent_id);
CREATE UNIQUE INDEX category_sibling_title_key ON category (parent_id, lower(title)) NULLS NOT DISTINCT;

-- A tree stays a tree. Two moves at once could each be fine and close a ring together, so moves stand in a line.
CREATE FUNCTION refuse_category_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NULL THEN RETURN NEW; END IF;
    PERFORM pg_advisory_xact_lock(727073, 1);
    IF EXISTS (
        WITH RECURSIVE ancestor (id, parent_id) AS (
            SELECT c.id, c.parent_id FROM category c WHERE c.id = NEW.parent_id
            UNION
            SELECT c.id, c.parent_id FROM category c JOIN ancestor a ON c.id = a.parent_id
        )
        SELECT FROM ancestor WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'category % cannot be placed below itself', NEW.slug USING ERRCODE = 'check_violation', CONSTRAINT = 'category_is_a_tree';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER category_is_a_tree BEFORE INSERT OR UPDATE OF parent_id ON category FOR EACH ROW EXECUTE FUNCTION refuse_category_cycle();

CREATE TABLE product (
    id uuid NOT NULL,
    slug text NOT NULL CONSTRAINT product_slug_is_not_blank CHECK (slug <> ''),
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    brand_id uuid,
    status product_status NOT NULL DEFAULT 'draft',
    attributes jsonb NOT NULL DEFAULT '{}' CONSTRAINT product_attributes_is_object CHECK (jsonb_typeof(attributes) = 'object'),
    available boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1 CONSTRAINT product_version_is_positive CHECK (version > 0),
    last_token uuid NOT NULL,
    search_text text NOT NULL DEFAULT '',
    -- Both dictionaries: `simple` finds names and codes as written, `english` finds lamp for lamps.
    search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('simple', search_text), 'B') || setweight(to_tsvector('english', search_text), 'B')
        || setweight(to_tsvector('english', left(regexp_replace(description, '<[^>]*>', ' ', 'g'), 20000)), 'C')
    ) STORED,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT product_pkey PRIMARY KEY (id),
    CONSTRAINT product_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brand (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX product_slug_key ON product (slug);
CREATE INDEX product_brand_id_idx ON product (brand_id);
CREATE INDEX product_search_idx ON product USING gin (search);
-- The two keyset orders of the listing that live on the product itself; the order by price lives on product_price_range.
CREATE INDEX product_newest_idx ON product (created_at DESC, id DESC) WHERE status = 'active';
CREATE INDEX product_title_idx ON product ((lower(title) COLLATE "C"), id) WHERE status = 'active';

CREATE TABLE product_category (
    product_id uuid NOT NULL,
    category_id uuid NOT NULL,
    position integer NOT NULL,
    CONSTRAINT product_category_pkey PRIMARY KEY (product_id, category_id),
    CONSTRAINT product_category_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT product_category_category_id_fkey FOREIGN KEY (category_id) REFERENCES category (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX product_category_category_id_product_id_idx ON product_category (category_id, product_id);

CREATE TABLE product_tag (
    product_id uuid NOT NULL,
    tag text NOT NULL CONSTRAINT product_tag_is_not_blank CHECK (tag <> ''),
    position integer NOT NULL,
    CONSTRAINT product_tag_pkey PRIMARY KEY (product_id, tag),
    CONSTRAINT product_tag_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX product_tag_folded_idx ON product_tag (lower(tag), product_id);

CREATE TABLE product_option (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    name text NOT NULL CONSTRAINT product_option_name_is_not_blank CHECK (name <> ''),
    position integer NOT NULL,
    "values" text[],
    CONSTRAINT product_option_pkey PRIMARY KEY (id),
    CONSTRAINT product_option_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX product_option_product_id_name_key ON product_option (product_id, name);

CREATE TABLE variant (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    sku text,
    barcode text,
    title text NOT NULL,
    position integer NOT NULL,
    available boolean NOT NULL DEFAULT false,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT variant_pkey PRIMARY KEY (id),
    CONSTRAINT variant_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX variant_product_id_position_idx ON variant (product_id, position);
CREATE INDEX variant_sku_idx ON variant (sku);

CREATE TABLE variant_option (
    variant_id uuid NOT NULL,
    option_id uuid NOT NULL,
    value text NOT NULL CONSTRAINT variant_option_value_is_not_blank CHECK (value <> ''),
    CONSTRAINT variant_option_pkey PRIMARY KEY (variant_id, option_id),
    CONSTRAINT variant_option_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES variant (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT variant_option_option_id_fkey FOREIGN KEY (option_id) REFERENCES product_option (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX variant_option_option_id_idx ON variant_option (option_id);
CREATE INDEX variant_option_value_folded_idx ON variant_option (lower(value), option_id);

CREATE TABLE price (
    id uuid NOT NULL,
    variant_id uuid NOT NULL,
    currency text NOT NULL CONSTRAINT price_currency_is_iso_4217 CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CONSTRAINT price_amount_is_in_range CHECK (amount BETWEEN 0 AND 9007199254740991),
    compare_at bigint CONSTRAINT price_compare_at_is_in_range CHECK (compare_at BETWEEN 0 AND 9007199254740991),
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT price_pkey PRIMARY KEY (id),
    CONSTRAINT price_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES variant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX price_variant_id_currency_key ON price (variant_id, currency);

CREATE TABLE product_price_range (
    product_id uuid NOT NULL,
    currency text NOT NULL,
    min_amount bigint NOT NULL,
    max_amount bigint NOT NULL CONSTRAINT product_price_range_is_ordered CHECK (max_amount >= min_amount),
    CONSTRAINT product_price_range_pkey PRIMARY KEY (product_id, currency),
    CONSTRAINT product_price_range_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX product_price_range_currency_min_amount_product_id_idx ON product_price_range (currency, min_amount, product_id);

CREATE TABLE media (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    url text NOT NULL CONSTRAINT media_url_is_not_blank CHECK (url <> ''),
    alt text,
    position integer NOT NULL,
    CONSTRAINT media_pkey PRIMARY KEY (id),
    CONSTRAINT media_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX media_product_id_url_key ON media (product_id, url);

CREATE TABLE inventory (
    variant_id uuid NOT NULL,
    quantity integer NOT NULL,
    policy stock_policy NOT NULL DEFAULT 'deny',
    updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT inventory_pkey PRIMARY KEY (variant_id),
    CONSTRAINT inventory_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES variant (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE slug_history (
    slug text NOT NULL CONSTRAINT slug_history_slug_is_not_blank CHECK (slug <> ''),
    product_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT slug_history_pkey PRIMARY KEY (slug),
    CONSTRAINT slug_history_product_id_fkey FOREIGN KEY (product_id) REFERENCES product (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX slug_history_product_id_idx ON slug_history (product_id);

CREATE TABLE import_job (
    id uuid NOT NULL,
    state import_state NOT NULL DEFAULT 'queued',
    format text NOT NULL,
    currency text NOT NULL,
    dry_run boolean NOT NULL,
    report jsonb,
    detail text,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    finished_at timestamptz(3),
    CONSTRAINT import_job_pkey PRIMARY KEY (id)
);
CREATE INDEX import_job_created_at_idx ON import_job (created_at);
