import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../src/catalog/import.js';
import { openCatalog } from '../../src/cli/open-catalog.js';
import { loadConfig } from '../../src/config.js';
import { pickImporter } from '../../src/importers/importer.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { endProcesses, runProcess } from '../run-process.js';

const fixture = (name: string) => `test/fixtures/shopify/${name}`;
const none = { created: 0, updated: 0, unchanged: 0, failed: 0 };
/** Counted independently: products, variants, images, sum of the variants' prices in cents. */
const lookAlikes: Record<string, [number, number, number, number]> = { 'plain-export.csv': [3, 5, 2, 20_700], 'wide-export.csv': [4, 5, 4, 137_190] };
const samples: Record<string, [number, number, number, number]> = {
  'apparel.csv': [20, 22, 20, 129_500],
  'jewelery.csv': [20, 23, 41, 98_074],
  'home-and-garden.csv': [20, 21, 21, 234_584],
  'product_template.csv': [3, 16, 11, 60_299],
  'Product-data.csv': [20, 21, 21, 234_584],
};
const folder = join(process.env['CATALOG_SAMPLES_DIR'] || 'samples', 'shopify');
const hasSamples = existsSync(folder);
const files = {
  ...Object.fromEntries(Object.entries(lookAlikes).map(([name, counts]) => [fixture(name), counts])),
  ...(hasSamples && Object.fromEntries(Object.entries(samples).map(([name, counts]) => [join(folder, name), counts]))),
};

async function importInto(databaseUrl: string, file: string): Promise<ImportReport> {
  const catalog = await openCatalog(loadConfig({}), databaseUrl);
  try {
    return await catalog.imports.run(
      pickImporter('shopify')(() => createReadStream(file), { currency: 'USD' }),
      { isDryRun: false },
    );
  } finally {
    await catalog.close();
  }
}

async function query(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

const sumOfPrices = async (databaseUrl: string) => (await query(databaseUrl, 'SELECT sum(amount)::float8 AS sum FROM price'))[0]?.['sum'];

describe('npm run import', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(endProcesses);
  afterAll(() => database.drop());

  async function run(...args: string[]) {
    const { ended, stdout, stderr } = runProcess('src/cli/import.ts', args, { DATABASE_URL: database.url });
    return { code: await ended, stdout: stdout(), stderr: stderr() };
  }

  it('prints its counts as JSON and nothing else, and ends with 0', async () => {
    const { code, stdout, stderr } = await run(fixture('plain-export.csv'), '--format', 'shopify', '--currency', 'USD', '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toEqual({ products: { ...none, created: 3 }, variants: 5, images: 2, errors: [] });
  });

  it('changes nothing the second time, and says so to people in one line', async () => {
    const { code, stdout } = await run(fixture('plain-export.csv'), '--format', 'shopify', '--currency', 'USD');
    expect([code, stdout]).toEqual([0, 'products: 0 created, 0 updated, 3 unchanged, 0 failed; 5 variants, 2 images\n']);
  });

  it('ends with 1 where some products are broken, which it names by line and column', async () => {
    const { code, stdout } = await run(fixture('faulty-products.csv'), '--dry-run', '--json');
    expect(code).toBe(1);
    const report: ImportReport = JSON.parse(stdout);
    expect(report.products.failed).toBeGreaterThan(10);
    expect(report.errors).toContainEqual({ line: 4, column: 'Variant Price', code: 'bad_price', message: expect.any(String) });
    expect((await importInto(database.url, fixture('plain-export.csv'))).products.unchanged).toBe(3);
    expect(await sumOfPrices(database.url)).toBe(20_700);
  });

  it('ends with 2 where the file is refused, with the line', async () => {
    const { code, stdout, stderr } = await run(fixture('ragged.csv'), '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      products: none,
      variants: 0,
      images: 0,
      errors: [{ line: 4, code: 'ragged_row', message: expect.any(String) }],
    });
    expect(stderr).toMatch(/^line 4: [^\n]+\n$/);
  });

  it.each([
    ['a currency nobody has', ['--currency', 'ZZZ']],
    ['an option it does not know', ['--prices', 'all']],
  ])('ends with 2 and one line for %s', async (_, args) => {
    const { code, stdout, stderr } = await run(fixture('plain-export.csv'), '--json', ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^[^\n]+\n$/);
  });
});

describe('an import', () => {
  if (!hasSamples) process.stdout.write('CATALOG_SAMPLES_DIR names no folder with shopify/: the real files are not imported, the look-alikes are\n');

  it.each(Object.entries(files))(
    'of %s has the counts of that file, and the second one changes nothing',
    async (file, [products, variants, images, cents]) => {
      const { url, drop } = await createDatabase();
      expect(await importInto(url, file)).toEqual({ products: { ...none, created: products }, variants, images, errors: [] });
      expect(await sumOfPrices(url)).toBe(cents);
      expect(await importInto(url, file)).toEqual({ products: { ...none, unchanged: products }, variants, images, errors: [] });
      await drop();
    },
  );
});

describe('npm run export', () => {
  const directory = mkdtempSync(join(tmpdir(), 'truetag-export-'));
  afterEach(endProcesses);
  afterAll(() => rmSync(directory, { recursive: true }));

  async function exported(databaseUrl: string): Promise<string> {
    const { ended, stdout, stderr } = runProcess('src/cli/export.ts', [], { DATABASE_URL: databaseUrl });
    expect([await ended, stderr()]).toEqual([0, '']);
    return stdout();
  }

  it('writes what an import into an empty catalog takes back, byte by byte', async () => {
    const [from, into] = [await createDatabase(), await createDatabase()];
    const token = randomUUID();
    await seedInto(from.url);
    for (const file of Object.keys(files)) await importInto(from.url, file);
    await query(
      from.url,
      `BEGIN; SELECT arm_write('${token}', '{*}', '${token}', 'nobody', ''); SELECT begin_write('${token}', 1);
       INSERT INTO slug_history (slug, product_id) SELECT 'old-' || slug, id FROM product; COMMIT`,
    );
    const before = await exported(from.url);
    const products = before
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(products.length).toBeGreaterThan(45);
    const file = join(directory, 'catalog.ndjson');
    writeFileSync(file, before);
    const { ended, stdout } = runProcess('src/cli/import.ts', [file, '--format', 'ndjson', '--json'], { DATABASE_URL: into.url });
    expect(await ended).toBe(0);
    expect(JSON.parse(stdout()).products).toEqual({ ...none, created: products.length });
    expect(await exported(into.url)).toBe(readFileSync(file, 'utf8'));
    await Promise.all([from.drop(), into.drop()]);
  }, 60_000);
});
