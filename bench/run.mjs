import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `npm run bench [-- --quick] [-- --no-build]`: Truetag from its build against a bare node:http server and against caching libraries, in
 * turns within one run. Prints a table and writes it to bench/results. Exit 1 where an answer was not 200 or did not come from where the
 * scenario says; a missed target is only told.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } } });

installLibraries();
if (!flags['no-build']) run('npm', ['run', 'build'], join(here, '..'));

// Only now: these need the libraries and the build.
const { measureAll } = await import('./measure.mjs');
const { summarise } = await import('./summary.mjs');
const { writeReport } = await import('./report.mjs');

// Many short rounds rather than a few long ones: a machine that is slow for some seconds is then slow for every candidate. Yet longer than a
// second, so that what Truetag does once a second is in each.
const plan = flags.quick
  ? { rounds: 4, roundMs: 250, warmUpMs: 400, pauseMs: 50, coldEvery: 2, cold: 150, connections: 64 }
  : { rounds: 10, roundMs: 1100, warmUpMs: 2000, pauseMs: 80, coldEvery: 2, cold: 700, connections: 64 };
const measured = await measureAll(plan, (line) => process.stderr.write(`${line}\n`));
const summary = summarise(measured);
process.stdout.write(writeReport(summary, plan, join(here, 'results')));
for (const fault of summary.faults) process.stderr.write(`${fault}\n`);
process.exit(summary.faults.length === 0 ? 0 : 1);

/** The libraries have a lockfile of their own: one of them wants an older Redis client than Truetag has. */
function installLibraries() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex');
  const stamp = join(here, 'node_modules', '.lockfile-hash');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npm', ['ci', '--prefix', here, '--ignore-scripts', '--no-audit', '--no-fund'], here);
  writeFileSync(stamp, wanted);
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], timeout: 300_000 });
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed\n`);
    process.exit(1);
  }
}
