import { createReadStream, existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import { ImportFormat, type ImportReport } from '../catalog/import.js';
import { requireCurrency } from '../catalog/money.js';
import { loadConfig } from '../config.js';
import { generateClient } from '../db/generate-client.js';
import { migrate } from '../db/migrator.js';
import { pickImporter } from '../importers/importer.js';
import { ImportRefused } from '../importers/refusal.js';
import { fail } from './fail.js';
import { findDatabaseUrl } from './find-database.js';

const usage = 'npm run import -- FILE --format shopify|ndjson --currency USD [--dry-run] [--json]';

/** `npm run import`: exit 0 clean, 1 some products failed, 2 the file was refused or the import could not run at all. */
try {
  const { file, format, currency, isDryRun, isJson } = readArguments();
  const report = await run(file, format, currency, isDryRun, !isJson && process.stderr.isTTY);
  process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : describe(report, isDryRun));
  process.exitCode = report.products.failed > 0 ? 1 : 0;
} catch (error) {
  if (error instanceof ImportRefused && process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(refusedReport(error))}\n`);
  fail(error, 2);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      format: { type: 'string', default: 'shopify' },
      currency: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Error(`Name one file: ${usage}`);
  if (!existsSync(file) || !statSync(file).isFile()) throw new Error(`There is no file ${file}`);
  const format = ImportFormat.safeParse(values.format);
  if (!format.success) throw new Error(`--format is shopify or ndjson: ${usage}`);
  const currency = requireCurrency(values.currency ?? loadConfig().defaultCurrency);
  return { file, format: format.data, currency, isDryRun: values['dry-run'], isJson: values.json };
}

async function run(file: string, format: ImportFormat, currency: string, isDryRun: boolean, isProgressShown: boolean): Promise<ImportReport> {
  const config = loadConfig();
  const databaseUrl = await findDatabaseUrl(config);
  await generateClient();
  if (config.migrate) await migrate({ url: config.databaseDirectUrl ?? databaseUrl });
  const { openCatalog } = await import('./open-catalog.js');
  const catalog = await openCatalog(config, databaseUrl);
  const bar = isProgressShown ? startBar(statSync(file).size) : undefined;
  try {
    const items = pickImporter(format)(() => createReadStream(file), { currency, onProgress: ({ phase, bytes }) => bar?.update(bytes, { phase }) });
    return await catalog.imports.run(items, { isDryRun });
  } finally {
    bar?.stop();
    await catalog.close();
  }
}

function startBar(bytes: number): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar(
    { format: '{phase} {bar} {percentage}% | {eta_formatted}', stream: process.stderr, clearOnComplete: true },
    cliProgress.Presets.legacy,
  );
  bar.start(bytes, 0, { phase: 'check' });
  return bar;
}

function describe({ products, variants, images, errors }: ImportReport, isDryRun: boolean): string {
  const counts = Object.entries(products).map(([name, count]) => `${count} ${name}`);
  const faults = errors.map(({ line, column, message }) => `line ${line}${column === undefined ? '' : `, ${column}`}: ${message}\n`);
  return `${faults.join('')}${isDryRun ? 'dry run, nothing written: ' : ''}products: ${counts.join(', ')}; ${variants} variants, ${images} images\n`;
}

function refusedReport({ fault }: ImportRefused): ImportReport {
  return { products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, variants: 0, images: 0, errors: [fault] };
}
