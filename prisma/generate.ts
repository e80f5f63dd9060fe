import { generateClient } from '../src/db/generate-client.js';

/** First half of `npm run build`: the Prisma client, unless the one at hand was made from this schema. */
process.stdout.write((await generateClient()) ? 'Generated the Prisma client\n' : 'The Prisma client is up to date\n');
