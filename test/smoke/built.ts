// The built service, as `npm run build` left it: two instances behind the proxy of the local stack (where nginx is installed), on a Postgres and
// a Redis of this run's own. An export goes in, a price changes, an instance is killed, and all ends in good order.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import { freePort } from '../harness/free-port.js';
import { startRedis } from '../harness/redis-server.js';
import { startProxy } from './proxy.js';
import { checkProxyLimits } from './proxy-limits.js';
import { endAll, finish, run, say, untilStatus } from './running.js';

const folder = await mkdtemp(join(tmpdir(), 'truetag-smoke-'));
// Postgres does not run as root: the user it runs as must get in.
await chmod(folder, 0o711);
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), dieWithParent: true, log: say });
const redis = await startRedis();
const environment = {
  DATABASE_URL: postgres.url,
  REDIS_URL: redis.url,
  ADMIN_API_KEY: 'smoke-smoke-smoke-smoke-smoke-smoke',
  LOG_LEVEL: 'warn',
  NODE_ENV: 'production',
};
const slug = 'walnut-desk-lamp';

async function serve(settings: Record<string, string>) {
  const port = await freePort();
  const running = run(['npm', 'run', 'serve'], { ...environment, ...settings, PORT: String(port) });
  const url = `http://127.0.0.1:${port}`;
  await untilStatus(`${url}/health/ready`, 200, running);
  return { running, url, port };
}

async function read(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/v1/products/${slug}`, { headers, signal: AbortSignal.timeout(5_000) });
  const body = (await answer.json()) as { variants: { id: string; price: { amount: number } }[] };
  return { status: answer.status, headers: answer.headers, variant: body.variants?.[0] };
}

async function setPrice(url: string, variantId: string, amount: number): Promise<void> {
  const headers = { authorization: `Bearer ${environment.ADMIN_API_KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ currency: 'USD', amount });
  const answer = await fetch(`${url}/v1/admin/variants/${variantId}/price`, { method: 'PATCH', headers, body, signal: AbortSignal.timeout(5_000) });
  assert.equal(answer.status, 200, await answer.text());
}

try {
  const first = await serve({});
  const second = await serve({ MIGRATE: 'false' });
  say('two instances are ready, the first has migrated');

  const report = JSON.parse(
    await finish(
      ['npm', 'run', '--silent', 'import', '--', 'prisma/demo/catalog.csv', '--format', 'shopify', '--currency', 'USD', '--json'],
      environment,
    ),
  ) as { products: { created: number; failed: number } };
  assert.ok(report.products.created > 30);
  assert.equal(report.products.failed, 0);
  say(`imported ${report.products.created} products`);

  const { variant } = await read(first.url);
  assert.ok(variant);
  assert.equal((await read(second.url)).variant?.price.amount, variant.price.amount);
  assert.match((await read(second.url)).headers.get('cache-status') ?? '', /^truetag; hit; detail=(memory|redis|validated)$/);
  await setPrice(first.url, variant.id, variant.price.amount + 100);
  assert.equal((await read(first.url)).variant?.price.amount, variant.price.amount + 100);
  // The other instance may trust its memory for one second.
  for (const deadline = performance.now() + 1_500; (await read(second.url)).variant?.price.amount !== variant.price.amount + 100; ) {
    assert.ok(performance.now() < deadline, 'the second instance shows the old price for too long');
  }
  say('a price set on one instance is shown by both');

  if (spawnSync('nginx', ['-v']).error === undefined) await behindTheProxy(variant.id);
  else say('nginx is not installed: the proxy is left out');

  // Its port must refuse, not answer: npm has passed the signal on to the service.
  assert.equal(await first.running.terminate(), 0);
  await assert.rejects(fetch(`${first.url}/health/live`));
  assert.equal(await second.running.terminate(), 0);
  say('SIGTERM to npm ends each with 0');

  async function behindTheProxy(variantId: string): Promise<void> {
    const proxy = await startProxy(folder, [first.port, second.port]);
    await untilStatus(`${proxy.url}/health/ready`, 200, proxy.running);
    assert.equal((await read(proxy.url, { 'x-request-id': 'smoke-1' })).headers.get('x-request-id'), 'smoke-1');
    const { headers } = await read(proxy.url);
    assert.ok(headers.get('etag')?.startsWith('"'), 'the strong ETag passes as it is');
    assert.equal((await fetch(`${proxy.url}/v1/products/${slug}`, { headers: { 'if-none-match': headers.get('etag') ?? '' } })).status, 304);
    await setPrice(proxy.url, variantId, 12_345);

    const third = await serve({ MIGRATE: 'false' });
    const lone = await startProxy(folder, [third.port, second.port]);
    await untilStatus(`${lone.url}/health/ready`, 200, lone.running);
    process.kill(-(third.running.child.pid ?? 0), 'SIGKILL');
    await third.running.ended();
    for (let i = 0; i < 20; i++) assert.equal((await read(lone.url)).status, 200);
    say('through nginx: an instance that is killed costs no request');

    const nobody = await startProxy(folder, [third.port, third.port]);
    await untilStatus(`${nobody.url}/health/ready`, 503, nobody.running);
    const refused = await fetch(`${nobody.url}/v1/products/${slug}`, { headers: { 'x-request-id': 'smoke-2' } });
    assert.equal(refused.headers.get('content-type'), 'application/problem+json');
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(((await refused.json()) as { requestId: string }).requestId, 'smoke-2');
    say('through nginx: with no instance left it answers 503 as the service would');
    for (const { running } of [proxy, lone, nobody]) assert.equal(await running.terminate(), 0);
    await checkProxyLimits(folder);
  }
} finally {
  await endAll();
  await Promise.all([postgres.stop(), redis.stop()]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
