import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The libraries have a lockfile of their own: one of them wants an older Redis client than Truetag has. */
export function installLibraries() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex');
  const stamp = join(here, 'node_modules', '.lockfile-hash');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npm', ['ci', '--prefix', here, '--ignore-scripts', '--no-audit', '--no-fund'], here);
  writeFileSync(stamp, wanted);
}

/** What is measured is the build of the sources as they are now. */
export function buildTruetag() {
  run('npm', ['run', 'build'], join(here, '..'));
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], timeout: 300_000 });
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed\n`);
    process.exit(1);
  }
}
