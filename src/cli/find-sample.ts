import pg from 'pg';
import type { Sample } from './start-banner.js';

/** The first active product that has a price, with one of its variants; null where there is none. */
export async function findSample(databaseUrl: string, defaultCurrency: string): Promise<Sample | null> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Sample>(
      `SELECT p.slug, v.id AS "variantId", c.currency, c.amount::float8 AS amount
      FROM (
        SELECT id, slug FROM product
        WHERE status = 'active' AND EXISTS (SELECT FROM variant JOIN price ON price.variant_id = variant.id WHERE variant.product_id = product.id)
        ORDER BY id LIMIT 1
      ) p JOIN variant v ON v.product_id = p.id JOIN price c ON c.variant_id = v.id
      ORDER BY c.currency <> $1, v.position, v.id LIMIT 1`,
      [defaultCurrency],
    );
    return rows[0] ?? null;
  } finally {
    await client.end();
  }
}
