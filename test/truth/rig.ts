import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateClient } from '../../src/db/generate-client.js';
import { migrate } from '../../src/db/migrator.js';
import { startWatchdog } from '../../src/db/watchdog.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { failPointEdits } from '../sabotage/fail-points.js';
import { sabotages } from '../sabotage/sabotages.js';
import { createFleet, type Fleet } from './fleet.js';
import { openLinks } from './links.js';
import type { Options } from './options.js';
import { startTruthPostgres, type TruthPostgres } from './postgres.js';
import { startTruthRedis, type TruthRedis } from './redis.js';

export interface Rig {
  postgres: TruthPostgres;
  redis: TruthRedis;
  /** Residents first, then the guest; nobody has joined yet. */
  fleet: Fleet;
  adminKey: string;
  /** Ends everything, in whatever state; safe to call twice. */
  close(): Promise<void>;
}

const adminKey = 'truth-truth-truth-truth-truth-truth';

/**
 * What a run stands on: Postgres, Redis, proxies, and places for instances. All of it ends with this process.
 * @param more edits of the instances' sources beside those of the sabotage, settings beside those of every run, how many instances have their
 *   metrics on: the first, unless told
 */
export async function openRig(
  { instances, mode, sabotage }: Pick<Options, 'instances' | 'mode' | 'sabotage'>,
  more: { edits?: readonly Edit[]; env?: Record<string, string>; watched?: number } = {},
): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-truth-'));
  // Postgres does not run as root: the user it runs as must get in.
  chmodSync(folder, 0o711);
  const watchdog = startWatchdog();
  watchdog.removeAtEnd(folder);
  const closing: (() => Promise<void>)[] = [() => watchdog.end()];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  };
  try {
    await generateClient();
    const edits = [...failPointEdits(), ...(sabotage === undefined ? [] : (sabotages[sabotage]?.edits ?? [])), ...(more.edits ?? [])];
    const script = await bundle({ entry: 'test/truth/instance.ts', edits });
    const postgres = await startTruthPostgres(folder);
    closing.push(() => postgres.stop());
    const redis = await startTruthRedis(folder);
    closing.push(() => redis.stop());
    await migrate({ url: postgres.url });
    const links = await openLinks();
    closing.push(() => links.close());
    // Limits and shedding stay as they are by default: a 429, or a 503 of it without a fault, would be a finding.
    const defaults = { MIGRATE: 'false', LOG_LEVEL: 'warn', MEMORY_CACHE_MB: '64' };
    const env = { ...defaults, ADMIN_API_KEY: adminKey, PRICE_READS: mode, ...more.env };
    const targets = { postgresUrl: postgres.url, postgresPort: postgres.port, redisPort: redis.port };
    const fleet = await createFleet({ script, count: instances + 1, folder, links, targets, env, watched: more.watched ?? 1 });
    closing.push(() => fleet.end());
    return { postgres, redis, fleet, adminKey, close };
  } catch (error) {
    await close();
    throw error;
  }
}
