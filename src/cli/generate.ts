import { generateClient } from '../db/generate-client.js';
import { fail } from './fail.js';

/** Brings the Prisma client up to date with the schema, before a build or a type check. */
await generateClient().catch((error: unknown) => fail(error, 1));
