import { seedDemo } from '../../src/cli/seed-demo.js';
import { loadConfig } from '../../src/config.js';

/** The demo catalog into a database, as `npm start` brings it. */
export async function seedInto(databaseUrl: string): Promise<void> {
  await seedDemo({ ...loadConfig({}), databaseUrl });
}
