import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTruetag, installLibraries } from '../prepare.mjs';

/**
 * `npm run bench:differential [-- --no-build] [-- --only NAME] [-- --check]`: who shows the old price after a price write was acknowledged, in
 * the races that every shop has. Truetag from its build and with its default settings, caching libraries set up as their documentation says,
 * and the snippets everybody has written once. Prints a table of what was measured and writes it to bench/results. Exit 1 where a case could
 * not be measured and, with --check, where Truetag showed an old price.
 */
const { values: flags } = parseArgs({
  options: { 'no-build': { type: 'boolean', default: false }, check: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
installLibraries();
if (!flags['no-build']) buildTruetag();

// Only now: these need the libraries and the build.
const { measureAll, showsAnOldPrice } = await import('./measure.mjs');
const { toMarkdown } = await import('./table.mjs');

const rows = await measureAll(
  (name) => name.includes(flags.only),
  (line) => process.stderr.write(`${line}\n`),
);
const markdown = toMarkdown(rows);
process.stdout.write(markdown);
if (flags.only === '') {
  const folder = fileURLToPath(new URL('../results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'differential.md'), markdown);
}
const isAllMeasured = rows.every(({ error }) => error === null);
const isTrue = !flags.check || rows.every(({ kind, results }) => !kind.isTruetag || (results && !showsAnOldPrice(results)));
process.exit(isAllMeasured && isTrue ? 0 : 1);
