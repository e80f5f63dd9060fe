// A real Prometheus scrapes the built service and evaluates every alert and every expression of the dashboard against what it got: nothing fires
// while all is well, and the loss of the instance is seen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import { alerts, dashboardExpressions } from '../deploy/alert-rules.js';
import { freePort } from '../harness/free-port.js';
import { startRedis } from '../harness/redis-server.js';
import { endAll, finish, run, say, untilStatus } from './running.js';

for (const name of ['prometheus', 'promtool']) {
  if (spawnSync(name, ['--version']).error === undefined) continue;
  process.stderr.write(`${name} is not installed: apt-get install --no-install-recommends prometheus\n`);
  process.exit(1);
}

interface Rule {
  name: string;
  health: string;
  state: string;
  lastError?: string;
  lastEvaluation: string;
}

const folder = await mkdtemp(join(tmpdir(), 'truetag-smoke-'));
// Postgres does not run as root: the user it runs as must get in.
await chmod(folder, 0o711);
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), dieWithParent: true, log: say });
const redis = await startRedis();
const key = 'smoke-smoke-smoke-smoke-smoke-smoke';
const environment = {
  DATABASE_URL: postgres.url,
  REDIS_URL: redis.url,
  ADMIN_API_KEY: key,
  LOG_LEVEL: 'warn',
  NODE_ENV: 'production',
  TRUSTED_PROXIES: 'loopback',
};

async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${url}: ${text}`);
  return JSON.parse(text) as T;
}

/** Asks until the answer is the one waited for. */
async function until<T>(what: string, ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; await sleep(250)) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    assert.ok(Date.now() < deadline, `${what}: ${JSON.stringify(answer)}`);
  }
}

try {
  for (const args of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
    ['check', 'config', '--syntax-only', 'prometheus.yml'],
  ]) {
    const file = join('deploy/prometheus', args.pop() ?? '');
    await finish(['promtool', ...args, file]);
  }
  say('promtool: the rules are sound, and each alert fires where it should');

  await finish(['npm', 'run', 'import', '--', 'prisma/demo/catalog.csv', '--format', 'shopify', '--currency', 'USD'], environment);
  const [port, metricsPort, prometheusPort] = [await freePort(), await freePort(), await freePort()];
  const service = run(['npm', 'run', 'serve'], { ...environment, PORT: String(port), METRICS_PORT: String(metricsPort) });
  const url = `http://127.0.0.1:${port}`;
  await untilStatus(`${url}/health/ready`, 200, service);

  // The configuration of the local stack, in which only what belongs to the containers is replaced.
  const configuration = readFileSync('deploy/prometheus/prometheus.yml', 'utf8')
    .replace(/targets:\n( +- .+\n)+/, `targets: ['127.0.0.1:${metricsPort}']\n`)
    .replace('/etc/prometheus/alerts.yml', join(process.cwd(), 'deploy/prometheus/alerts.yml'))
    .replaceAll(/: [45]s$/gm, ': 1s');
  await writeFile(join(folder, 'prometheus.yml'), configuration);
  const prometheus = run([
    'prometheus',
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${prometheusPort}`,
  ]);
  const api = `http://127.0.0.1:${prometheusPort}`;
  await untilStatus(`${api}/-/ready`, 200, prometheus);

  const { variants } = await json<{ variants: { id: string }[] }>(`${url}/v1/products/walnut-desk-lamp`);
  for (let amount = 7000; amount < 7010; amount += 1) {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ currency: 'USD', amount });
    await json(`${url}/v1/admin/variants/${variants[0]?.id}/price`, { method: 'PATCH', headers, body });
    for (let i = 0; i < 50; i += 1) await json(`${url}/v1/products/walnut-desk-lamp`);
    await json(`${url}/v1/products?sort=price`);
    assert.equal((await fetch(`${url}/v1/products/nothing-${amount}`)).status, 404);
  }

  const query = async (expression: string) => {
    const { data } = await json<{ data: { result: unknown[] } }>(`${api}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return data.result;
  };
  await until(
    'Prometheus has scraped',
    () => query('count_over_time(truetag_ready[1m]) > 4'),
    (result) => result.length === 1,
  );
  const rules = async () =>
    (await json<{ data: { groups: { rules: Rule[] }[] } }>(`${api}/api/v1/rules`)).data.groups.flatMap((group) => group.rules);
  const evaluated = await until('every rule is evaluated', rules, (all) => all.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > 0));
  assert.deepEqual(evaluated.map(({ name }) => name).sort(), alerts.map(({ alert }) => alert).sort());
  for (const { name, health, lastError, state } of evaluated) {
    assert.equal(health, 'ok', `${name}: ${lastError}`);
    assert.equal(state, 'inactive', `${name} is ${state} while all is well`);
  }
  say(`Prometheus: ${evaluated.length} alerts evaluated against the running service, all healthy, none raised`);

  let shown = 0;
  for (const { title, expr } of dashboardExpressions) {
    const result = await query(expr.replaceAll('$__rate_interval', '30s'));
    // Nothing has failed and nothing was collected, so some have nothing to say yet.
    if (result.length > 0) shown += 1;
    else assert.match(expr, /_failed_total|_unanswered_total|status="5xx"|gc_duration/, `${title} shows nothing: ${expr}`);
  }
  say(`Prometheus: ${shown} of ${dashboardExpressions.length} expressions of the dashboard show something, the others tell of failures`);

  const isFiring = (wanted: string) => (all: Rule[]) => all.some(({ name, state }) => name === wanted && state === 'firing');
  for (let i = 0; i < 720; i += 1) {
    const headers = { authorization: `Bearer guess-${i}-${'x'.repeat(32)}`, 'x-forwarded-for': `192.0.2.${i % 80}` };
    assert.equal((await fetch(`${url}/v1/admin/cache`, { headers })).status, 401, 'nine from one address are not too many');
  }
  const spread = await until('the guessing from many addresses is seen', rules, isFiring('TruetagManyKeysRefused'));
  assert.ok(!isFiring('TruetagKeysGuessed')(spread), 'no single address was past its ten');
  say('Prometheus: many who try a few keys each are seen');

  for (let i = 0; i < 60; i += 1) await fetch(`${url}/v1/admin/cache`, { headers: { authorization: `Bearer guess-${i}-${'x'.repeat(32)}` } });
  await until('the guessing is seen', rules, isFiring('TruetagKeysGuessed'));
  say('Prometheus: somebody who tries keys is seen');

  assert.equal(await service.terminate(), 0);
  await until('the loss is seen', rules, (all) => all.some(({ name, state }) => name === 'TruetagMetricsAbsent' && state !== 'inactive'));
  say('Prometheus: the loss of the instance is seen');
  assert.equal(await prometheus.terminate(), 0);
} finally {
  await endAll();
  await Promise.all([postgres.stop(), redis.stop()]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
