import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.js';
import { type Running, run } from './running.js';

/**
 * An nginx with the configuration of the local stack, in which only what belongs to the containers is replaced: the instances' names, the port
 * and the places of its files.
 */
export async function startProxy(folder: string, [first, second]: [number, number]): Promise<{ url: string; running: Running }> {
  const port = await freePort();
  const own = await mkdtemp(join(folder, 'nginx-'));
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${own}/${name};`).join(' ');
  const configuration = [
    ['api-1:3000', `127.0.0.1:${first}`],
    ['api-2:3000', `127.0.0.1:${second}`],
    ['listen 3000;', `listen 127.0.0.1:${port};`],
    ['pid /run/nginx.pid;', `pid ${own}/nginx.pid; user root;`],
    ['access_log /dev/stdout requests;', `access_log ${own}/access.log requests; ${places}`],
    ['error_log /dev/stderr warn;', `error_log ${own}/error.log warn;`],
    ['worker_processes auto;', 'worker_processes 1;'],
  ].reduce(replaced, readFileSync('deploy/nginx.conf', 'utf8'));
  const file = join(own, 'nginx.conf');
  await writeFile(file, configuration);
  return { url: `http://127.0.0.1:${port}`, running: run(['nginx', '-e', join(own, 'error.log'), '-c', file, '-g', 'daemon off;']) };
}

function replaced(text: string, [from = '', to = '']: string[]): string {
  if (!text.includes(from)) throw new Error(`deploy/nginx.conf has no ${from}`);
  return text.replace(from, to);
}
