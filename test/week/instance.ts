import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.js';
import { adminKey } from '../harness/service.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { type ServerProcess, startServerProcess } from '../truth/server-process.js';

export interface Instance extends ServerProcess {
  url: string;
  port: number;
  /** What it has written to its log. */
  log(): string;
}

/**
 * One server process, with the harness's hold on it (test/truth/instance.ts). `openFiles` is its `ulimit -n`; `edits` sabotage it; `onHit` is told of an
 * armed fail-point that was reached.
 */
export async function startInstance(
  databaseUrl: string,
  env: Record<string, string> = {},
  { openFiles, edits = [], onHit = () => {} }: { openFiles?: number | undefined; edits?: readonly Edit[]; onHit?: () => void } = {},
): Promise<Instance> {
  const script = await bundle({ entry: 'test/truth/instance.ts', edits });
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'truetag-week-'));
  const logFile = join(folder, 'log');
  const settings = { DATABASE_URL: databaseUrl, PORT: String(port), MIGRATE: 'false', LOG_LEVEL: 'warn', ADMIN_API_KEY: adminKey, ...env };
  const limit = openFiles === undefined ? {} : { openFiles };
  const server = await startServerProcess({ script, env: settings, logFile, onHit, ...limit });
  void server.ended.then(() => rmSync(folder, { recursive: true, force: true }));
  return { ...server, port, url: `http://127.0.0.1:${port}`, log: () => readFileSync(logFile, 'utf8') };
}
