import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openRig, root } from './rig.mjs';
import { median } from './summary.mjs';

// TypeScript, which the rig has made readable.
const { selectVariantPrice, setPrice } = await import('../src/db/price-write.ts');

/**
 * `npm run bench:writes`: what a price change costs beside the same statements in two commits, on a Postgres that really writes to
 * disk. One write at a time, in turns within each round; ratios are medians of the ratios within the rounds.
 */
const rounds = 12;
const perRound = 50;
const warmUps = 50;
const adminKey = 'bench-only-not-a-secret-0123456789abcdef';
const slug = 'walnut-desk-lamp';
const otherSlug = 'tripod-floor-lamp';
const targets = { p50: 3, p99: 5 };

const rig = await openRig({ isDurable: true });
const plain = await openPlain(rig.databaseUrl);
try {
  await rig.fillCatalog(0);
  await plain.prepare();
  // The one without a lease comes first, while nobody has to be waited for.
  const ways = [
    { title: 'a price change, `PRICE_READS=validate`, nobody else there', servers: 1, mode: 'validate' },
    { title: 'a price change, three instances with a lease, idle but for it', servers: 3, mode: 'lease', isJudged: true },
  ];
  for (const way of ways) Object.assign(way, await measure(await openFleet(way.mode, way.servers)));
  const markdown = toMarkdown(ways);
  const folder = join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'price-writes.md'), markdown);
  process.stdout.write(markdown);
} finally {
  await plain.close();
  await rig.close();
}

async function measure(write) {
  await times(write, warmUps);
  const figures = { own: [], base: [], least: [], p50Ratios: [], p99Ratios: [], p50OfLeast: [], p99OfLeast: [] };
  for (let round = 0; round < rounds; round += 1) {
    const base = await times(plain.write, perRound);
    const least = await times(plain.writeLeast, perRound);
    const own = await times(write, perRound);
    figures.least.push(...least);
    figures.p50OfLeast.push(quantile(own, 0.5) / quantile(least, 0.5));
    figures.p99OfLeast.push(quantile(own, 0.99) / quantile(least, 0.99));
    figures.base.push(...base);
    figures.own.push(...own);
    figures.p50Ratios.push(quantile(own, 0.5) / quantile(base, 0.5));
    figures.p99Ratios.push(quantile(own, 0.99) / quantile(base, 0.99));
  }
  return figures;
}

/** Starts instances and puts the product into the memory of each. Gives a write of its price through the first of them. */
async function openFleet(mode, count) {
  const servers = [];
  // The least a client can be: what it costs itself is counted.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const env = { LOG_LEVEL: 'warn', ADMIN_API_KEY: adminKey, RATE_LIMIT_ADMIN: '0', PRICE_READS: mode };
  for (let i = 0; i < count; i += 1) servers.push(await rig.serve('dist/server.js', '/health/ready', env, { core: null }));
  const products = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/v1/products/${slug}`)).json()));
  const variantId = products[0].variants[0].id;
  let amount = 1_000_000;
  await sleep(1000);
  return async () => {
    amount += 1;
    const body = JSON.stringify({ currency: 'USD', amount: amount + (mode === 'lease' ? 1_000_000 : 0) });
    await patch(agent, servers[0].port, `/v1/admin/variants/${variantId}/price`, body);
  };
}

/**
 * The very statements of a price change in two commits, by a client that waits for nobody and checks nothing: one for the word that a change is
 * coming, one for the change, which the guard lets pass and which reads the document back.
 */
async function openPlain(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const query = async (statement, values) => (await client.query({ ...statement, values })).rows;
  let amount = 3_000_000;
  let variantId;
  return {
    async prepare() {
      await client.query(
        'CREATE TABLE plain_word (id bigserial PRIMARY KEY, word text); CREATE TABLE plain_price (id int PRIMARY KEY, amount bigint, version bigint)',
      );
      await client.query('INSERT INTO plain_price VALUES (1, 100, 1)');
      const { rows } = await client.query(`SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id WHERE p.slug = $1 ORDER BY v.position`, [
        otherSlug,
      ]);
      variantId = rows[0].id;
    },
    async write() {
      amount += 1;
      await client.query(`INSERT INTO plain_word (word) VALUES ('a price will change')`);
      await client.query('BEGIN');
      await client.query('INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())');
      await client.query({
        name: 'plain_bump',
        text: 'UPDATE product p SET version = version + 1, last_token = gen_random_uuid() FROM variant v WHERE v.product_id = p.id AND v.id = $1',
        values: [variantId],
      });
      await selectVariantPrice(query, variantId, 'USD');
      await setPrice(query, variantId, { currency: 'USD', amount, compareAt: null });
      await client.query('COMMIT');
    },
    /** The least that two commits can be: a row of one small table, then a row of another, with nothing to look up, to guard or to read back. */
    async writeLeast() {
      await client.query(`INSERT INTO plain_word (word) VALUES ('a price will change')`);
      await client.query('BEGIN');
      await client.query('SELECT version FROM plain_price WHERE id = 1 FOR UPDATE');
      await client.query('UPDATE plain_price SET amount = amount + 1, version = version + 1 WHERE id = 1');
      await client.query('COMMIT');
    },
    close: () => client.end(),
  };
}

function patch(agent, port, path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'PATCH', headers }, (response) => {
      let said = '';
      response.on('data', (chunk) => {
        said += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`a price change answered ${response.statusCode}: ${said}`)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function times(write, count) {
  const taken = [];
  for (let i = 0; i < count; i += 1) {
    const startedAt = performance.now();
    await write();
    taken.push(performance.now() - startedAt);
  }
  return taken;
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

function toMarkdown(ways) {
  const row = (title, values, ...ratios) =>
    `| ${[title, ...[quantile(values, 0.5), quantile(values, 0.99), ...ratios.map(median)].map((figure) => figure.toFixed(2)), ...Array(4 - ratios.length).fill('')].join(' | ')} |`;
  const judged = ways.find(({ isJudged }) => isJudged);
  const p50 = median(judged.p50Ratios);
  const p99 = median(judged.p99Ratios);
  const verdict = (name, ratio, target) => `- ${name}: at most ${target} times: **${ratio.toFixed(2)}**, ${ratio <= target ? 'met' : 'missed'}`;
  return [
    '# What a price change costs\n',
    `Node ${process.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}, Postgres on the same disk with its defaults. ${rounds} rounds of ${perRound} writes of each kind in turns, one at a time, the change over HTTP. Ratios are medians of the ratios within a round.\n`,
    '| | p50 ms | p99 ms | p50, × its statements in two commits | p99 | p50, × the least two commits | p99 |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    row('the least that two commits can be, straight from a client of Postgres', judged.least),
    row('the same statements in two commits, straight from a client of Postgres', judged.base),
    ...ways.map((way) => row(way.title, way.own, way.p50Ratios, way.p99Ratios, way.p50OfLeast, way.p99OfLeast)),
    '\n## Targets\n',
    verdict('p50, three instances, its own statements', p50, targets.p50),
    verdict('p99, three instances, its own statements', p99, targets.p99),
    verdict('p50, three instances, the least two commits', median(judged.p50OfLeast), targets.p50),
    verdict('p99, three instances, the least two commits', median(judged.p99OfLeast), targets.p99),
    '',
  ].join('\n');
}
