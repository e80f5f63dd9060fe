// The image without an engine: the files of the Dockerfile's last stage, under the limits that docker-compose.yml sets (read-only, no capability, uid
// 1000, 256 MB, 100 processes, 64 MB of /tmp, secrets from files, no shell anywhere) fill their first tier, take an upload beside it (of 30 MB, or of as
// many as are said), serve all the while, turn nobody away, and end in good order. Needs root on Linux, as a container engine does, and fails where it is not.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeShopifyFile } from '../../bench/shopify-file.mjs';
import { defaultMemoryCacheBytes } from '../../src/config/memory-limit.js';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import { freePort } from '../harness/free-port.js';
import { startRedis } from '../harness/redis-server.js';
import { createCgroup } from './cgroup.js';
import { browse, importOver, keepReading } from './customers.js';
import { image } from './dockerfile.js';
import { buildRoot, obstacle } from './enclosure.js';
import { endAll, finish, run, say, untilStatus } from './running.js';

const memoryMb = 256;
const processes = 100;
/** Of the upload. As an argument it may be up to what /tmp takes, 64. */
const fileMb = Number(process.argv[2] ?? 30);
/** Of the shop that there is before: more than the first tier can hold. */
const shopMb = 6;
const slowestMs = 3_000;
const tierBytes = defaultMemoryCacheBytes(memoryMb * 2 ** 20);

const reason = obstacle();
if (reason !== null) {
  process.stderr.write(`The service cannot be run as the image runs it: ${reason}\n`);
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'truetag-smoke-'));
// Postgres does not run as root: the user it runs as must get in.
await chmod(folder, 0o711);
const root = join(folder, 'root');
const key = 'smoke-smoke-smoke-smoke-smoke-smoke';
const cgroup = createCgroup(`truetag-smoke-${process.pid}`, memoryMb * 2 ** 20, processes);
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), dieWithParent: true, log: say });
const redis = await startRedis();

try {
  await mkdir(root);
  await buildRoot(root, { 'admin-key': key, 'database-url': postgres.url, 'redis-url': redis.url });
  const shop = join(folder, 'shop.csv');
  const standing = await writeShopifyFile(shop, shopMb * 1e6);
  await finish(['npm', 'run', 'import', '--', shop, '--format', 'shopify', '--currency', 'USD'], { DATABASE_URL: postgres.url }, 180_000);

  const port = await freePort();
  const environment = {
    ...image.environment,
    ...{ HOST: '127.0.0.1', PORT: String(port), METRICS_HOST: '127.0.0.1', METRICS_PORT: String(await freePort()) },
    // What the limit leads to by itself, where there can be one.
    ...(cgroup === null && { MEMORY_CACHE_MB: String(tierBytes / 2 ** 20) }),
    ...{ DATABASE_URL_FILE: '/run/secrets/database-url', REDIS_URL_FILE: '/run/secrets/redis-url', ADMIN_API_KEY_FILE: '/run/secrets/admin-key' },
  };
  const enclose = ['unshare', '--mount', '--propagation', 'private', 'bash', 'test/smoke/enclose.sh', root, ...(cgroup?.folders ?? []), '--'];
  const service = run([...enclose, ...image.command], environment);
  const url = `http://127.0.0.1:${port}`;
  await untilStatus(`${url}/health/ready`, 200, service);

  // Every command between has become the next one, so that the process is still the one that was started.
  const status = () => readFileSync(`/proc/${service.child.pid}/status`, 'utf8');
  const told = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status())?.[1]?.trim();
  const megabytes = (name: string) => Number.parseInt(told(name) ?? '', 10) / 1024;
  assert.deepEqual(readFileSync(`/proc/${service.child.pid}/cmdline`, 'utf8').split('\0').slice(0, -1), image.command);
  for (const name of ['Uid', 'Gid']) assert.match(told(name) ?? '', /^1000(\s+1000){3}$/);
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(told(name) ?? '', /^0+$/, name);
  assert.equal(told('Groups'), '');
  assert.equal(told('NoNewPrivs'), '1');
  assert.ok(Number(told('Threads')) < processes);
  const inside = ['nsenter', '--target', String(service.child.pid), '--mount', '--root', '--wd'];
  const writes =
    "for (const to of ['/app/x', '/x', '/run/x']) try { fs.writeFileSync(to, ''); console.log(to) } catch (error) { console.log(error.code) }";
  assert.equal((await finish([...inside, '/usr/local/bin/node', '-e', writes], {})).trim(), 'EROFS\nEROFS\nEROFS', 'even root cannot write there');
  await finish(
    [...inside, '/setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups', '--no-new-privs', ...inNode(image.check)],
    environment,
  );
  const idle = megabytes('VmRSS');
  say(`ready as uid 1000, no capability, no shell, nothing to write but /tmp; its health check passes; ${idle.toFixed(0)} MB`);

  const slugs = Array.from({ length: standing }, (_, place) => `shirt-${String(place).padStart(7, '0')}`);
  const full = await browse(url, slugs, key);
  say(
    `${slugs.length} products looked at: ${full.entries} entries in the first tier, ${(full.bytes / 2 ** 20).toFixed(0)} of ` +
      `${full.maxBytes / 2 ** 20} MB, ${full.evictions} had to leave; ${megabytes('VmRSS').toFixed(0)} MB resident`,
  );
  assert.equal(full.maxBytes, tierBytes);
  assert.ok(full.evictions > 0, 'the first tier is not full');

  const file = join(folder, 'upload.csv');
  const products = await writeShopifyFile(file, fileMb * 1e6);
  let turn = 0;
  // A listing now and then: it is turned away first where memory is short.
  const next = () => `${url}/v1/products${++turn % 20 === 0 ? '' : `/${slugs[turn % slugs.length]}`}`;
  const reading = keepReading(next, slowestMs);
  const began = performance.now();
  const report = await importOver(url, file, key).finally(reading.stop);
  const seconds = (performance.now() - began) / 1000;
  assert.deepEqual([report.created, report.unchanged], [products - standing, standing]);
  const { answers, longestMs } = await reading.done;
  assert.ok(answers > seconds, `${answers} answers in ${seconds} s`);
  assert.ok(longestMs < slowestMs, `a read took ${longestMs} ms beside the import`);
  const peak = megabytes('VmHWM');
  assert.ok(peak < memoryMb, `${peak} MB were resident`);
  say(
    `imported ${fileMb} MB, ${products} products, in ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MB resident at most; ` +
      `beside it ${answers} reads, the slowest ${longestMs.toFixed(0)} ms`,
  );
  const kills = cgroup?.kills() ?? null;
  const held = cgroup?.peakBytes() ?? null;
  if (kills !== null) assert.equal(kills, 0);
  if (cgroup)
    say(`the kernel held it to ${memoryMb} MB, /tmp and files included${held === null ? '' : ` (${(held / 2 ** 20).toFixed(0)} MB at most)`}`);
  else say(`NOT TRIED: this root is given no cgroup, so ${memoryMb} MB and ${processes} processes were measured and not set; /tmp was not counted`);
  if (cgroup && held === null) say('NOT TRIED: this kernel does not tell the most that a cgroup has held (memory.peak, Linux 5.19)');
  if (cgroup && kills === null) say('NOT TRIED: this kernel does not count what it kills for want of memory');

  const ending = performance.now();
  assert.equal(await service.terminate(), 0, service.output());
  say(`SIGTERM ends it with 0 after ${((performance.now() - ending) / 1000).toFixed(1)} s`);
} catch (error) {
  // What the service died of, where it died: the error below only says that nobody answers any more.
  process.stderr.write(`FAILED within ${memoryMb} MB; processes ended by the kernel for want of memory: ${cgroup?.kills() ?? 'not known'}\n`);
  throw error;
} finally {
  await endAll();
  await Promise.all([postgres.stop(), redis.stop()]);
  cgroup?.remove();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The same command by the path that Node has in there. */
function inNode([program, ...args]: string[]): string[] {
  assert.equal(program, 'node');
  return ['/usr/local/bin/node', ...args];
}
