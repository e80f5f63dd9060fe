import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { ProductState } from '../catalog/product-state.js';
import { loadConfig } from '../config.js';
import { generateClient } from '../db/generate-client.js';
import { migrate } from '../db/migrator.js';
import { formatNdjson } from '../importers/ndjson-format.js';
import { fail } from './fail.js';
import { findDatabaseUrl } from './find-database.js';

/** `npm run export [-- --out FILE]`: every product as one line of JSON, which `npm run import -- FILE --format ndjson` takes back. */
try {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const config = loadConfig();
  const databaseUrl = await findDatabaseUrl(config);
  await generateClient();
  if (config.migrate) await migrate({ url: config.databaseDirectUrl ?? databaseUrl });
  const { openCatalog } = await import('./open-catalog.js');
  const catalog = await openCatalog(config, databaseUrl);
  try {
    await pipeline(Readable.from(lines(catalog.reads.states(200))), values.out === undefined ? process.stdout : createWriteStream(values.out));
  } finally {
    await catalog.close();
  }
} catch (error) {
  fail(error, 1);
}

async function* lines(batches: AsyncIterable<ProductState[]>): AsyncIterable<string> {
  for await (const states of batches) yield states.map(formatNdjson).join('');
}
