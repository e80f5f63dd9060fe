// The server process of a fuzz run: the service as it is served, ended with the run.
import { loadConfig } from '../../src/config.js';
import { serve } from '../../src/server.js';

const server = await serve(loadConfig());
process.send?.({ told: 'listening' });
process.once('SIGTERM', async () => {
  await server.close();
  process.exit(0);
});
process.on('disconnect', () => process.exit(1));
