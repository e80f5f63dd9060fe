import { defineConfig } from 'prisma/config';

// Prisma 7 downloads a schema engine for these three commands although none of them needs it. A path that is not an engine keeps them
// offline; for `migrate` the real engine must be found, so nothing is set there.
const offline = ['generate', 'validate', 'format'];
if (process.argv.some((argument) => offline.includes(argument))) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= '/bin/false';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(process.env.DATABASE_URL ? { datasource: { url: process.env.DATABASE_URL } } : {}),
});
