import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { lifeLeftMs } from './life-left.mjs';

const answerWithinMs = 5_000;
const adminKey = 'incident-incident-incident-incident';
const currency = 'USD';

/** The naive shop, one instance. It sells one product at `oldAmount`. */
export async function openNaive(rig, redis, oldAmount) {
  const sku = 'walnut-desk-lamp';
  const client = new pg.Client({ connectionString: rig.databaseUrl });
  await client.connect();
  await client.query('CREATE TABLE naive_price (sku text PRIMARY KEY, amount integer NOT NULL)');
  await client.query('INSERT INTO naive_price (sku, amount) VALUES ($1, $2)', [sku, oldAmount]);
  await client.end();
  const server = await rig.serve('bench/incident/naive-shop.mjs', '/ready', { REDIS_URL: redis.url });
  return {
    title: 'naive cache-aside',
    isTruetag: false,
    readPrice: async () => (await ask(`${server.url}/prices/${sku}`)).amount,
    setPrice: (amount) => ask(`${server.url}/prices/${sku}`, { method: 'PUT', body: { amount } }),
    /** Until its own connection to Redis stands again: a read in between would go to Postgres, find the new price and put it there. */
    async untilBack() {
      for (const deadline = performance.now() + answerWithinMs; !(await ask(`${server.url}/ready`)).ready; await sleep(10))
        if (performance.now() > deadline) throw new Error('the naive shop does not find Redis again');
    },
    /** How much longer it would show what Redis holds; null where Redis holds the new price by now. */
    lifeLeftMs: () => lifeLeftMs(rig.redisUrl, `price:${sku}`, oldAmount),
  };
}

/** Truetag from its build, two instances with their default settings, which sell the first product of the demo catalog that has the price. */
export async function openTruetag(rig, redis, oldAmount) {
  const start = () =>
    rig.serve('dist/server.js', '/health/ready', { LOG_LEVEL: 'silent', ADMIN_API_KEY: adminKey, RATE_LIMIT_ADMIN: '0', REDIS_URL: redis.url });
  const servers = [await start(), await start()];
  const [{ slug }] = (await ask(`${servers[0].url}/v1/products?limit=1`)).data;
  const read = ({ url }) => ask(`${url}/v1/products/${slug}`);
  const variantId = (await read(servers[0])).variants[0].id;
  const setPrice = (amount) =>
    ask(`${servers[0].url}/v1/admin/variants/${variantId}/price`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${adminKey}` },
      body: { currency, amount },
    });
  await setPrice(oldAmount);
  return {
    title: 'Truetag, two instances',
    isTruetag: true,
    /** Customers come to both instances in turn. */
    readPrice: async (customer) => (await read(servers[customer % servers.length])).variants.find(({ id }) => id === variantId).price.amount,
    setPrice,
    untilBack: async () => {},
    lifeLeftMs: async () => null,
  };
}

async function ask(url, { method = 'GET', headers = {}, body } = {}) {
  const content = body === undefined ? {} : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, { method, headers, ...content, signal: AbortSignal.timeout(answerWithinMs) });
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
