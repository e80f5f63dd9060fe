import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';

/** Nothing here has to survive a power cut. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

/** A Postgres of this run alone, gone with this process, its files included. */
export function startTestPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'truetag-test-'));
  // The user that Postgres runs as under root must get in.
  chmodSync(dataDir, 0o711);
  return startEmbeddedPostgres({ dataDir, dieWithParent: true, settings, log: (line) => process.stderr.write(`${line}\n`) });
}
