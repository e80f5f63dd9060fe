import { loadConfig } from '../config.js';
import { fail } from './fail.js';
import { findDatabaseUrl } from './find-database.js';
import { seedDemo } from './seed-demo.js';

/** The demo catalog into a migrated database that has no product yet. */
try {
  const config = loadConfig();
  const seeded = await seedDemo({ ...config, databaseUrl: await findDatabaseUrl(config) });
  process.stdout.write(seeded ? `${seeded.products} demo products\n` : 'the catalog is not empty: nothing to do\n');
} catch (error) {
  fail(error, 1);
}
