import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRig, root } from './rig.mjs';
import { writeShopifyFile } from './shopify-file.mjs';

/**
 * `npm run bench:import -- [MB]`: the most memory that an import of a Shopify CSV of that size (100 unless told) takes, of the built server over
 * HTTP, first new and then unchanged, and of the command line. Ends with 1 where one of them passes the bound.
 */
const megabytes = Number(process.argv[2] ?? 100);
const boundMb = 300;
const adminKey = 'bench-only-not-a-secret-0123456789abcdef';
const withinMs = 30 * 60_000;

if (process.platform !== 'linux') throw new Error('The peak of a process is read from /proc, which only Linux has');
const rig = await openRig();
try {
  const file = join(rig.folder, 'large.csv');
  const products = await writeShopifyFile(file, megabytes * 1e6);
  process.stdout.write(`${(statSync(file).size / 1e6).toFixed(0)} MB, ${products} products\n`);
  const server = await rig.serve('dist/server.js', '/health/ready', {
    ADMIN_API_KEY: adminKey,
    RATE_LIMIT_ADMIN: '0',
    LOG_LEVEL: 'warn',
    // As `npm run serve` and the image have it.
    NODE_OPTIONS: '--max-semi-space-size=8',
  });
  await report('server, idle', server.pid, async () => {});
  await report('server, all new', server.pid, () => importOver(server.url, file, { created: products, unchanged: 0 }));
  await report('server, all unchanged', server.pid, () => importOver(server.url, file, { created: 0, unchanged: products }));
  server.stop();
  await importByCommand(file, products);
} finally {
  await rig.close();
}

async function report(title, pid, work) {
  const startedAt = performance.now();
  await work();
  say(title, peakMb(pid), performance.now() - startedAt);
}

function say(title, peak, ms) {
  process.stdout.write(`${title}: ${peak.toFixed(0)} MB at most, ${(ms / 1000).toFixed(1)} s\n`);
  if (peak < boundMb) return;
  process.stdout.write(`that is not below ${boundMb} MB\n`);
  process.exitCode = 1;
}

/** The most this process has ever had resident, as the kernel counts it. */
function peakMb(pid) {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function importOver(url, file, expected) {
  const authorization = `Bearer ${adminKey}`;
  const upload = request(`${url}/v1/admin/imports?format=shopify&currency=USD`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/csv' },
  });
  createReadStream(file).pipe(upload);
  const [answer] = await once(upload, 'response');
  let body = '';
  for await (const chunk of answer.setEncoding('utf8')) body += chunk;
  if (answer.statusCode !== 202) throw new Error(`The upload was refused: ${body}`);
  const { id } = JSON.parse(body);
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(250)) {
    const job = await (await fetch(`${url}/v1/admin/imports/${id}`, { headers: { authorization } })).json();
    if (job.state === 'queued' || job.state === 'running') continue;
    if (job.state !== 'done') throw new Error(`The import ended as ${job.state}: ${job.detail}`);
    return check(job.report, expected);
  }
  throw new Error('The import did not end');
}

/** The unchanged file once more. The command's peak is looked at while it runs, because the last look is gone with it. */
async function importByCommand(file, products) {
  const args = ['--import', 'tsx', 'src/cli/import.ts', file, '--format', 'shopify', '--currency', 'USD', '--json'];
  const env = { PATH: process.env.PATH, DATABASE_URL: rig.databaseUrl, REDIS_URL: '' };
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], timeout: withinMs });
  let peak = 0;
  const look = setInterval(() => {
    try {
      peak = Math.max(peak, peakMb(child.pid) || 0);
    } catch {
      // It has ended since.
    }
  }, 50);
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk;
  clearInterval(look);
  check(JSON.parse(output), { created: 0, unchanged: products });
  say('command line, all unchanged', peak, performance.now() - startedAt);
}

function check({ products, errors }, expected) {
  for (const [name, count] of Object.entries(expected)) {
    if (products[name] !== count) throw new Error(`${products[name]} products ${name} instead of ${count}: ${JSON.stringify(errors.slice(0, 3))}`);
  }
}
