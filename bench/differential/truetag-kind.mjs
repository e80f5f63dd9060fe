import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { root } from '../rig.mjs';
import { limits } from './limits.mjs';

const adminKey = 'differential-differential-differential';
const currency = 'USD';

/**
 * Truetag from its build, with its default settings. Its products are those of the demo catalog, a fresh one for each case; they are listed by
 * a process that has no Redis and is ended at once, so that nobody's cache knows them.
 */
export async function openTruetagKind(rig) {
  const pool = new pg.Pool({ connectionString: rig.databaseUrl, max: 2 });
  pool.on('error', () => {});
  const serve = (env) =>
    rig.serve('dist/server.js', '/health/ready', { LOG_LEVEL: 'silent', ADMIN_API_KEY: adminKey, RATE_LIMIT_ADMIN: '0', ...env });
  const products = await listProducts(await serve({ REDIS_URL: '' }));
  const warmFrom = new Set();
  const ask = (server, { slug }) => fetch(`${server.url}/v1/products/${slug}`, { signal: AbortSignal.timeout(limits.readWithinMs) });
  const kind = {
    name: 'truetag',
    title: `Truetag ${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}`,
    /** Where the reads of warm instances came from, as they said themselves. */
    get tiers() {
      return `memory, Redis; warm reads from ${[...warmFrom].join(' and ') || 'none'}`;
    },
    isAskedAtOnce: true,
    lifeMs: limits.ttlMs,
    start: ({ databaseUrl, redisUrl }) => serve({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }),
    async product() {
      const product = products.pop();
      if (!product) throw new Error('the demo catalog has too few products for all cases');
      return product;
    },
    async read(server, product) {
      const response = await ask(server, product);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()).variants.find(({ id }) => id === product.variantId).price.amount;
    },
    /** Reads until memory answers, or as long as that may take; where the last answer came from is said in the table. */
    async warm(server, product) {
      let detail = null;
      for (const deadline = performance.now() + limits.warmWithinMs; detail !== 'memory' && performance.now() < deadline; ) {
        const response = await ask(server, product);
        await response.arrayBuffer();
        detail = /detail=([a-z-]+)/.exec(response.headers.get('cache-status'))?.[1] ?? 'Postgres';
      }
      warmFrom.add(detail);
    },
    write(server, { variantId, newAmount }) {
      return fetch(`${server.url}/v1/admin/variants/${variantId}/price`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ currency, amount: newAmount }),
      });
    },
    async truth({ variantId }) {
      const { rows } = await pool.query('SELECT amount FROM price WHERE variant_id = $1 AND currency = $2', [variantId, currency]);
      return Number(rows[0].amount);
    },
  };
  return { kind, close: () => pool.end() };
}

async function listProducts(server) {
  const get = async (path) => (await fetch(`${server.url}${path}`)).json();
  const { data } = await get('/v1/products?limit=40');
  const products = await Promise.all(data.map(({ slug }) => get(`/v1/products/${slug}`)));
  server.stop();
  return products
    .filter(({ variants }) => variants[0]?.price)
    .map(({ slug, variants: [{ id: variantId, price }] }) => ({ slug, variantId, oldAmount: price.amount, newAmount: price.amount + 100 }));
}
