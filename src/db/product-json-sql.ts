/** Pieces of SQL over a product `p` that the document and the editable state have in common. Each is one JSON value, never null. */

/** RFC 3339, UTC, milliseconds. */
export function timeJson(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

export const brandName = `(SELECT b.name FROM brand b WHERE b.id = p.brand_id)`;

export const tagsJson = `to_json(ARRAY(SELECT t.tag FROM product_tag t WHERE t.product_id = p.id ORDER BY t.position, t.tag))`;

export const optionsJson = `to_json(ARRAY(
    SELECT json_build_object('name', o.name, 'values', coalesce(o."values", '{}')) FROM product_option o WHERE o.product_id = p.id ORDER BY o.position, o.name))`;

export const mediaJson = `to_json(ARRAY(
    SELECT json_build_object('url', m.url, 'alt', m.alt, 'position', m.position) FROM media m WHERE m.product_id = p.id ORDER BY m.position, m.id))`;

/** Of a variant `v`, in the order of the product's options. */
export const variantOptionsJson = `coalesce((
    SELECT json_object_agg(o.name, x.value ORDER BY o.position, o.name)
    FROM variant_option x JOIN product_option o ON o.id = x.option_id WHERE x.variant_id = v.id), '{}')`;
