import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTruetag, installLibraries } from '../prepare.mjs';

/**
 * `npm run bench:differential [-- --no-build] [-- --only NAME] [-- --check]`: who shows the old price after a price write was acknowledged, in
 * the races that every shop has. Truetag from its build and with its default settings, caching libraries set up as their documentation says,
 * and the snippets everybody has written once. Prints a table of what was measured and writes it to bench/results. Exit 1 where a case could
 * not be measured and, with --check, where Truetag showed an old price, or plain cache-aside did not: then the races were not there to be lost.
 */
const { values: flags } = parseArgs({
  options: { 'no-build': { type: 'boolean', default: false }, check: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
installLibraries();
if (!flags['no-build']) buildTruetag();

// Only now: these need the libraries and the build.
const { measureAll, showsAnOldPrice } = await import('./measure.mjs');
const { toMarkdown } = await import('./table.mjs');

process.exit(await run().catch(fail));

async function run() {
  const rows = await measureAll(
    (name) => name.includes(flags.only),
    (line) => process.stderr.write(`${line}\n`),
  );
  if (rows.length === 0) throw new Error(`nothing is called "${flags.only}"`);
  const markdown = toMarkdown(rows);
  process.stdout.write(markdown);
  if (flags.only === '') {
    const folder = fileURLToPath(new URL('../results/', import.meta.url));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'differential.md'), markdown);
  }
  const isAllMeasured = rows.every(({ error }) => error === null);
  return isAllMeasured && (!flags.check || isAsClaimed(rows)) ? 0 : 1;
}

function isAsClaimed(rows) {
  const resultsOf = (wanted) => rows.find(({ kind }) => kind.name === wanted)?.results;
  const [truetag, control] = [resultsOf('truetag'), resultsOf('cache-aside')];
  return truetag && control && !showsAnOldPrice(truetag) && showsAnOldPrice(control);
}

function fail(error) {
  process.stderr.write(`The table could not be made: ${error.message}\n`);
  return 1;
}
