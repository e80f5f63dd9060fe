// One server process of the run: the service as it is, with the harness's hold on it. Bundled with fail-points and sabotage; never built to be served.
import { loadConfig } from '../../src/config.js';
import { serve } from '../../src/server.js';
import { obeyHarness } from './instance-control.js';

const harness = obeyHarness();
const server = await serve(loadConfig());
harness.tell({ told: 'listening' });
process.once('SIGTERM', async () => {
  await server.close();
  process.exit(0);
});
