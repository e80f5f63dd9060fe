// Does schema.prisma say what the migrations make? Applies the migrations to an empty database with the migrator the service uses, has Prisma's
// schema engine compare the result with schema.prisma, and prints the SQL that is missing. Exit code 0: they agree, 1: they do not.
// The engine is its WebAssembly build: the native one is a download that `npm ci` does not bring. It sees neither checks and triggers nor
// partial and expression indexes; those are read in review only.
//
// Another schema than prisma/schema.prisma may be named as the argument. With DATABASE_URL the empty database is made on that server and
// dropped again, without it on a Postgres of this run's own.
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrator.ts';

const schemaPath = process.argv[2] ?? fileURLToPath(new URL('schema.prisma', import.meta.url));

/** The types of Postgres that its catalog is asked for, by oid. */
const columnTypes = new Map([
  [16, ColumnTypeEnum.Boolean],
  [18, ColumnTypeEnum.Character],
  [19, ColumnTypeEnum.Text],
  [20, ColumnTypeEnum.Int64],
  [21, ColumnTypeEnum.Int32],
  [23, ColumnTypeEnum.Int32],
  [25, ColumnTypeEnum.Text],
  [26, ColumnTypeEnum.Int64],
  [1003, ColumnTypeEnum.TextArray],
  [1005, ColumnTypeEnum.Int32Array],
  [1007, ColumnTypeEnum.Int32Array],
  [1009, ColumnTypeEnum.TextArray],
  [1043, ColumnTypeEnum.Text],
]);

const given = process.env.DATABASE_URL || undefined;
const server = given === undefined ? await startOwnPostgres() : { url: given, stop: async () => {} };
let missing;
try {
  missing = await inScratchDatabase(server.url, async (url) => {
    await migrate({ url, log: (line) => process.stdout.write(`${line}\n`) });
    return missingIn(url);
  });
} finally {
  await server.stop();
}
process.stdout.write(
  missing === '' ? 'schema.prisma and the migrations agree\n' : `What schema.prisma has and the migrations do not make:\n\n${missing}\n`,
);
// The engine leaves a timer behind that would hold the process for ten seconds.
process.exit(missing === '' ? 0 : 1);

/** The SQL that leads from that database to schema.prisma, '' where nothing is left to do. */
async function missingIn(url) {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => Object.assign(await connect(), { queryRaw });
  const adapter = bindMigrationAwareSqlAdapterFactory(factory);
  const files = [{ path: schemaPath, content: readFileSync(schemaPath, 'utf8') }];
  try {
    const engine = await openEngine(files, adapter);
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: dirname(schemaPath) },
      to: { tag: 'schemaDatamodel', files },
      filters: { externalTables: [], externalEnums: [] },
      script: true,
      exitCode: true,
    });
    return exitCode === 0 ? '' : stdout.trim();
  } catch (error) {
    // What fails on this side of the engine comes back as a number only.
    const id = /External error id#(\d+)/.exec(error.message)?.[1];
    throw (id && adapter.errorRegistry.consumeError(Number(id))?.error) ?? error;
  } finally {
    await pool.end();
  }
}

async function openEngine(files, adapter) {
  const wasmPath = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    .replace(/\.js$/, '.wasm');
  const { instance } = await WebAssembly.instantiate(readFileSync(wasmPath), { './schema_engine_bg.js': glue });
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => process.stderr.write(`${message}\n`) };
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const datamodels = files.map(({ path, content }) => [path, content]);
  return glue.SchemaEngine.new({ datamodels }, () => {}, adapter);
}

/** In place of the adapter's own, which refuses the type "char" that Postgres' catalog is full of and the engine wants as a character. */
async function queryRaw(query) {
  const { fields, rows } = await this.performIO(query);
  return { columnNames: fields.map(({ name }) => name), columnTypes: fields.map(columnType), rows };
}

function columnType({ name, dataTypeID }) {
  const type = columnTypes.get(dataTypeID);
  if (type === undefined) throw new Error(`The schema engine asks for a column ${name} of type ${dataTypeID}, which has no row in columnTypes`);
  return type;
}

async function inScratchDatabase(url, work) {
  const name = `truetag_drift_${process.pid}_${Date.now()}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
    const scratch = new URL(url);
    scratch.pathname = `/${name}`;
    return await work(scratch.href);
  } finally {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.end();
  }
}

function startOwnPostgres() {
  const dataDir = mkdtempSync(join(tmpdir(), 'truetag-drift-'));
  // Postgres does not run as root: the user it runs as must get in.
  chmodSync(dataDir, 0o711);
  return startEmbeddedPostgres({ dataDir, dieWithParent: true, settings: { fsync: 'off' }, log: (line) => process.stderr.write(`${line}\n`) });
}
