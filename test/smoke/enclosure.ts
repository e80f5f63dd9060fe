import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { image } from './dockerfile.js';
import { finish } from './running.js';

const tools = ['unshare', 'setpriv', 'nsenter', 'mount', 'ldd'];

/** Why the service cannot be enclosed here, or null. */
export function obstacle(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can give a process less than it has';
  const missing = tools.filter((name) => spawnSync(name, ['--version']).error !== undefined);
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (apt-get install util-linux libc-bin)`;
  if (!existsSync('dist/server.js')) return 'there is no build: npm run build';
  const { status, stderr } = spawnSync('unshare', ['--mount', 'true'], { encoding: 'utf8' });
  return status === 0 ? null : `this root may not mount: ${stderr.trim()}`;
}

/**
 * A file system with what the image has of this project, pruned by the command of the Dockerfile, and beside it nothing but Node, the libraries it is
 * linked to and `setpriv`: no shell, no package manager.
 * @param secrets by name, for /run/secrets, to be read by the service alone
 */
export async function buildRoot(root: string, secrets: Record<string, string>): Promise<void> {
  const app = join(root, 'app');
  for (const path of ['app', 'dev', 'proc', 'run/secrets', 'sys/fs/cgroup', 'tmp', 'usr/local/bin']) mkdirSync(join(root, path), { recursive: true });
  for (const path of new Set([...image.files, 'package-lock.json', 'scripts']))
    cpSync(path, join(app, path), { recursive: true, verbatimSymlinks: true });
  assert.match(image.prune, /^npm prune .*--omit=dev/);
  await finish(['sh', '-c', `cd '${app}' && ${image.prune}`], {}, 300_000);
  await finish(['rm', '-r', join(app, 'package-lock.json'), join(app, 'scripts')]);

  const setpriv = spawnSync('sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).stdout.trim();
  copyFileSync(process.execPath, join(root, 'usr/local/bin/node'));
  copyFileSync(setpriv, join(root, 'setpriv'));
  for (const program of [process.execPath, setpriv]) for (const library of librariesOf(program)) copyLibrary(root, library);
  for (const device of ['null', 'urandom']) writeFileSync(join(root, 'dev', device), '');
  for (const [name, value] of Object.entries(secrets)) {
    const file = join(root, 'run/secrets', name);
    writeFileSync(file, `${value}\n`, { mode: 0o400 });
    chownSync(file, 1000, 1000);
  }
  const programs = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin'].flatMap((path) =>
    existsSync(join(root, path)) ? readdirSync(join(root, path)) : [],
  );
  assert.deepEqual(programs, ['node']);
}

function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
}

function copyLibrary(root: string, library: string): void {
  const to = join(root, library);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(realpathSync(library), to);
  chmodSync(to, 0o755);
}
