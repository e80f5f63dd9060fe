import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTruetag, installLibraries } from './prepare.mjs';

/**
 * `npm run bench [-- --quick] [-- --no-build]`: Truetag from its build against a bare node:http server and against caching libraries, in
 * turns within one run. Prints a table and writes it to bench/results. Exit 1 where an answer was not 200 or did not come from where the
 * scenario says; a missed target is only told.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } } });

installLibraries();
if (!flags['no-build']) buildTruetag();

// Only now: these need the libraries and the build.
const { measureAll } = await import('./measure.mjs');
const { summarise } = await import('./summary.mjs');
const { writeReport } = await import('./report.mjs');

// Many short rounds rather than a few long ones: a machine that is slow for some seconds is then slow for every candidate. Yet longer than a
// second, so that what Truetag does once a second is in each.
const plan = flags.quick
  ? { isQuick: true, rounds: 4, roundMs: 250, warmUpMs: 400, pauseMs: 50, coldEvery: 2, cold: 150, connections: 64 }
  : { rounds: 10, roundMs: 1100, warmUpMs: 2000, pauseMs: 80, coldEvery: 2, cold: 700, connections: 64 };
const measured = await measureAll(plan, (line) => process.stderr.write(`${line}\n`));
const summary = summarise(measured);
process.stdout.write(writeReport(summary, plan, join(here, 'results')));
for (const fault of summary.faults) process.stderr.write(`${fault}\n`);
process.exit(summary.faults.length === 0 ? 0 : 1);
