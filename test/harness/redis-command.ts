import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const policyFile = '/usr/sbin/policy-rc.d';
const aptTimeoutMs = 240_000;

/**
 * The path of redis-server. Where it is missing, root on Debian or Ubuntu gets it by apt.
 * @throws Error with one line that says how to install it
 */
export function findRedisServer(): string {
  const found = lookUp() ?? (canInstall() ? install() : undefined);
  if (found === undefined) {
    throw new Error('The tests need redis-server: install it (apt-get install redis-server, brew install redis), or set TEST_USE_EXTERNAL=1 with DATABASE_URL and REDIS_URL');
  }
  return found;
}

function lookUp(): string | undefined {
  const { stdout } = spawnSync('/bin/sh', ['-c', 'command -v redis-server || command -v valkey-server'], { encoding: 'utf8' });
  return stdout.trim() || undefined;
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

/** The package starts a daemon on port 6379 unless a policy forbids it; ours stands only as long as apt runs. */
function install(): string | undefined {
  const isOurs = !existsSync(policyFile);
  if (isOurs) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  try {
    process.stderr.write('Installing redis-server by apt\n');
    if (!apt('install')) {
      apt('update');
      apt('install');
    }
  } finally {
    if (isOurs) rmSync(policyFile, { force: true });
  }
  return lookUp();
}

function apt(task: 'install' | 'update'): boolean {
  const args = task === 'update' ? ['update', '-qq'] : ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: aptTimeoutMs }).status === 0;
}
