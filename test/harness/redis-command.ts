import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const aptTimeoutMs = 240_000;

/**
 * The path of redis-server. Where it is missing, root on Debian or Ubuntu gets it by apt.
 * @throws Error with one line that says how to install it
 */
export function findRedisServer(): string {
  const found = lookUp() ?? (canInstall() ? install() : undefined);
  if (found === undefined) {
    throw new Error(
      'The tests need redis-server: install it (apt-get install redis-server, brew install redis), or set TEST_USE_EXTERNAL=1 with DATABASE_URL and REDIS_URL',
    );
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

/**
 * The package starts a daemon on port 6379 unless a policy forbids it. Ours stands only as long as apt runs, and the shell takes it away
 * also where Ctrl-C ends us first; one that is there already is left alone.
 */
const script = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends redis-server >/dev/null; }
install || { apt-get update -qq && install; }
`;

function install(): string | undefined {
  process.stderr.write('Installing redis-server by apt\n');
  spawnSync('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'], timeout: aptTimeoutMs });
  return lookUp();
}
