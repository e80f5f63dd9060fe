import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openConnections } from './http-client.mjs';
import { openRig, root } from './rig.mjs';

// TypeScript, which the rig has made readable.
const { setPrice } = await import('../src/db/price-write.ts');
const { isAlive } = await import('../src/db/process-life.ts');

/**
 * `npm run bench:writes`: what a price change costs beside changes in two commits that promise nothing, on a Postgres that really writes to
 * disk. One write at a time, in turns within each round; ratios are those of the quantiles over all rounds.
 */
const rounds = 12;
const perRound = 100;
/** Until V8 has compiled what a change runs through: a process that has just started takes about a third more. */
const warmUps = 1000;
const stopWithinMs = 20_000;
const adminKey = 'bench-only-not-a-secret-0123456789abcdef';
const slug = 'walnut-desk-lamp';
const otherSlug = 'tripod-floor-lamp';
const targets = { p50: 3, p99: 5 };
/** What a price change is held against; the ratios of the second are those that are judged. */
const baselines = [
  { name: 'least', title: 'the least that two commits can be: rows of two tables of two columns', short: 'the least two commits' },
  {
    name: 'plain',
    title: 'a plain change of the same rows in two commits: no guard, no log, nothing read back',
    short: 'a plain change',
    isJudged: true,
  },
  { name: 'own', title: 'its own statements in two commits', short: 'its own statements' },
];

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
  for (const way of ways) {
    const fleet = await openFleet(way.mode, way.servers);
    Object.assign(way, await measure(fleet.write));
    // One that goes on listening is one more to be told of every change.
    await fleet.stop();
  }
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
  const taken = { change: [], base: Object.fromEntries(baselines.map(({ name }) => [name, []])) };
  for (let round = 0; round < rounds; round += 1) {
    for (const { name } of baselines) taken.base[name].push(...(await times(plain[name], perRound)));
    taken.change.push(...(await times(write, perRound)));
  }
  const ratio = (name, part) => quantile(taken.change, part) / quantile(taken.base[name], part);
  const ratios = Object.fromEntries(baselines.map(({ name }) => [name, { p50: ratio(name, 0.5), p99: ratio(name, 0.99) }]));
  return { ...taken, ratios };
}

/** Starts instances and puts the product into the memory of each. `write` changes its price through the first of them. */
async function openFleet(mode, count) {
  const servers = [];
  const env = { LOG_LEVEL: 'warn', ADMIN_API_KEY: adminKey, PRICE_READS: mode };
  for (let i = 0; i < count; i += 1) servers.push(await rig.serve('dist/server.js', '/health/ready', env, { core: null }));
  const products = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/v1/products/${slug}`)).json()));
  const variantId = products[0].variants[0].id;
  let amount = 1_000_000;
  const client = await openClient(servers[0].port);
  await sleep(1000);
  return {
    async write() {
      amount += 1;
      const body = JSON.stringify({ currency: 'USD', amount: amount + (mode === 'lease' ? 1_000_000 : 0) });
      await client.patch(`/v1/admin/variants/${variantId}/price`, body);
    },
    async stop() {
      client.close();
      for (const server of servers) server.stop();
      const deadline = Date.now() + stopWithinMs;
      while (servers.some(({ pid }) => isAlive(pid))) {
        if (Date.now() > deadline) throw new Error('a server did not end when it was asked to');
        await sleep(50);
      }
    },
  };
}

/** The baselines, straight from a client of Postgres that waits for nobody. Each commits a word that a change is coming, and then the change. */
async function openPlain(url) {
  const client = new pg.Client({ connectionString: url });
  // Triggers are off here: without them the guard lets a change pass that nobody was told of.
  const unguarded = new pg.Client({ connectionString: url, options: '-c session_replication_role=replica' });
  await client.connect();
  await unguarded.connect();
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
    /** The very statements of a price change: the guard lets them pass, and they read the document back. */
    async own() {
      amount += 1;
      await client.query(`INSERT INTO plain_word (word) VALUES ('a price will change')`);
      await client.query('BEGIN');
      await client.query('INSERT INTO write_log (token, covers_all, xid) VALUES (gen_random_uuid(), true, pg_current_xact_id())');
      const token = randomUUID();
      await client.query({
        name: 'plain_bump',
        text: 'UPDATE product p SET version = version + 1, last_token = $2 FROM variant v WHERE v.product_id = p.id AND v.id = $1',
        values: [variantId, token],
      });
      await setPrice(query, variantId, { currency: 'USD', amount, compareAt: null }, token);
      await client.query('COMMIT');
    },
    /** What a shop would do without any of this. */
    async plain() {
      amount += 1;
      const ask = (name, text, values) => unguarded.query({ name, text, values });
      await unguarded.query(`INSERT INTO plain_word (word) VALUES ('a price will change')`);
      await unguarded.query('BEGIN');
      const { rows } = await ask(
        'plain_lock',
        `SELECT p.id, p.version, pr.amount FROM variant v JOIN product p ON p.id = v.product_id JOIN price pr ON pr.variant_id = v.id AND pr.currency = 'USD'
         WHERE v.id = $1 FOR UPDATE OF p, pr`,
        [variantId],
      );
      await ask('plain_price', `UPDATE price SET amount = $2, updated_at = now() WHERE variant_id = $1 AND currency = 'USD'`, [variantId, amount]);
      await ask(
        'plain_range',
        `UPDATE product_price_range r SET min_amount = now_is.low, max_amount = now_is.high
         FROM (SELECT min(pr.amount) AS low, max(pr.amount) AS high FROM variant v JOIN price pr ON pr.variant_id = v.id AND pr.currency = 'USD' WHERE v.product_id = $1) now_is
         WHERE r.product_id = $1 AND r.currency = 'USD'`,
        [rows[0].id],
      );
      await ask('plain_product', 'UPDATE product SET version = version + 1, updated_at = now() WHERE id = $1', [rows[0].id]);
      await unguarded.query('COMMIT');
    },
    /** The least that two commits can be: a row of one small table, then a row of another, with nothing to look up, to guard or to read back. */
    async least() {
      await client.query(`INSERT INTO plain_word (word) VALUES ('a price will change')`);
      await client.query('BEGIN');
      await client.query('SELECT version FROM plain_price WHERE id = 1 FOR UPDATE');
      await client.query('UPDATE plain_price SET amount = amount + 1, version = version + 1 WHERE id = 1');
      await client.query('COMMIT');
    },
    close: () => Promise.all([client.end(), unguarded.end()]),
  };
}

/** One connection that does the least: what the client costs is counted as well, and that of node takes 0.2 ms a request. */
async function openClient(port) {
  let waiting;
  const answered = (_connection, isOk) => (isOk ? waiting.resolve() : waiting.reject(new Error('a price change was refused')));
  const [connection] = await openConnections(port, 1, answered, (error) => waiting?.reject(error));
  return {
    patch(path, body) {
      const head = `PATCH ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${adminKey}\r\nContent-Type: application/json\r\n`;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        connection.send(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      });
    },
    close: connection.close,
  };
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
  const judged = ways.find(({ isJudged }) => isJudged);
  const figure = (value) => value.toFixed(2);
  const row = (title, values, ratios) =>
    `| ${[title, figure(quantile(values, 0.5)), figure(quantile(values, 0.99)), ...baselines.flatMap(({ name }) => (ratios ? [figure(ratios[name].p50), figure(ratios[name].p99)] : ['', '']))].join(' | ')} |`;
  const verdict = ({ name, short, isJudged }) => {
    const { p50, p99 } = judged.ratios[name];
    const isMet = p50 <= targets.p50 && p99 <= targets.p99;
    return `- beside ${short}: p50 **${figure(p50)}**, p99 **${figure(p99)}**: ${isMet ? 'within' : 'beyond'} ${targets.p50} and ${targets.p99}${isJudged ? ', the target' : ''}`;
  };
  return [
    '# What a price change costs\n',
    `Node ${process.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}, Postgres on the same disk with its defaults. ${rounds} rounds of ${perRound} writes of each kind in turns, one at a time, the change over HTTP, the others straight from a client of Postgres. Ratios are those of the quantiles over all rounds.\n`,
    `| | p50 ms | p99 ms | ${baselines.map(({ short }) => `p50, × ${short} | p99`).join(' | ')} |`,
    `| --- | ---: | ---: | ${baselines.map(() => '---: | ---:').join(' | ')} |`,
    ...baselines.map(({ name, title }) => row(title, judged.base[name])),
    ...ways.map((way) => row(way.title, way.change, way.ratios)),
    '\n## Three instances with a lease\n',
    ...baselines.map(verdict),
    '',
  ].join('\n');
}
