import { loadConfig } from '../../src/config.js';
import { serve } from '../../src/server.js';

/** Truetag as one bundle, so that a rule of it can be taken out on the way: see scenarios.mjs. */
const server = await serve(loadConfig());
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
