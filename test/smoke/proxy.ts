import { readFileSync } from 'node:fs';
import { chown, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.js';
import { type Running, run } from './running.js';

const nobody = 65_534;

/**
 * An nginx with the configuration of the local stack, in which only what belongs to the containers is replaced: the instances' names, the port
 * and the places of its files. As there it is not root and has no capability.
 * @param changes more to replace: what stands there, what is put in its place
 */
export async function startProxy(
  folder: string,
  [first, second]: [number, number],
  changes: [from: string, to: string][] = [],
): Promise<{ url: string; running: Running }> {
  const port = await freePort();
  const own = await mkdtemp(join(folder, 'nginx-'));
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${own}/${name};`).join(' ');
  const configuration = [
    ['api-1:3000', `127.0.0.1:${first}`],
    ['api-2:3000', `127.0.0.1:${second}`],
    ['listen 3000;', `listen 127.0.0.1:${port};`],
    ['pid /run/nginx.pid;', `pid ${own}/nginx.pid;`],
    ['access_log /dev/stdout requests;', `access_log ${own}/access.log requests; ${places}`],
    ['error_log /dev/stderr warn;', `error_log ${own}/error.log warn;`],
    ['worker_processes auto;', 'worker_processes 1;'],
    ...changes,
  ].reduce(replaced, readFileSync('deploy/nginx.conf', 'utf8'));
  const file = join(own, 'nginx.conf');
  await writeFile(file, configuration);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(own, nobody, nobody);
  const less = isRoot
    ? ['setpriv', '--reuid', `${nobody}`, '--regid', `${nobody}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']
    : [];
  return { url: `http://127.0.0.1:${port}`, running: run([...less, 'nginx', '-e', join(own, 'error.log'), '-c', file, '-g', 'daemon off;']) };
}

function replaced(text: string, [from = '', to = '']: string[]): string {
  if (!text.includes(from)) throw new Error(`deploy/nginx.conf has no ${from}`);
  return text.replace(from, to);
}
