import pg from 'pg';
import { candidates } from './candidates.mjs';
import { limits } from './limits.mjs';

const oldAmount = 100;
const newAmount = 200;

/** The shops of shop.mjs: how one is started, what it sells and how it is asked. Their prices stand in a table of their own. */
export async function openLibraryKinds(rig) {
  const pool = new pg.Pool({ connectionString: rig.databaseUrl, max: 5 });
  pool.on('error', () => {});
  await pool.query('CREATE TABLE shop_price (sku text PRIMARY KEY, amount integer NOT NULL)');
  const kinds = candidates.map(({ name, title, file, tiers, variant }) => ({
    name,
    title,
    tiers,
    isAskedAtOnce: false,
    lifeMs: limits.ttlMs,
    start({ databaseUrl, redisUrl }) {
      const env = { CANDIDATE: file, VARIANT: variant, TTL_MS: String(limits.ttlMs), DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
      return rig.serve('bench/differential/shop.mjs', '/ready', env);
    },
    async product(of) {
      const sku = `${name}-${of}`;
      await pool.query('INSERT INTO shop_price (sku, amount) VALUES ($1, $2)', [sku, oldAmount]);
      return { sku, oldAmount, newAmount };
    },
    async read(server, { sku }) {
      const response = await fetch(`${server.url}/prices/${sku}`, { signal: AbortSignal.timeout(limits.readWithinMs) });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()).amount;
    },
    /** One read is enough: it fills every tier there is. */
    async warm(server, product) {
      await this.read(server, product);
    },
    write(server, { sku, newAmount: amount }) {
      const headers = { 'content-type': 'application/json' };
      return fetch(`${server.url}/prices/${sku}`, { method: 'PUT', headers, body: JSON.stringify({ amount }) });
    },
    async truth({ sku }) {
      return (await pool.query('SELECT amount FROM shop_price WHERE sku = $1', [sku])).rows[0].amount;
    },
  }));
  return { kinds, close: () => pool.end() };
}
