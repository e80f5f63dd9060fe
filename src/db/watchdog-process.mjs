// The process behind watchdog.ts. It is the parent of the servers, in a session of its own, so that neither Ctrl-C nor the end of whoever
// asked reaches them first. When its stdin closes, for whatever reason, it ends them and removes what was to be removed.
// Plain JavaScript, because it starts without a loader.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const servers = new Map();
const paths = new Set();

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});
process.stdout.on('error', () => {});

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const order = JSON.parse(line);
  if (order.remove !== undefined) paths.add(order.remove);
  if (order.spawn !== undefined) start(order.id, order.spawn);
});
orders.on('close', async () => {
  for (const [server, stopSignal] of servers) {
    server.kill(stopSignal);
    // A stopped process (SIGSTOP) sees its end only when it goes on.
    server.kill('SIGCONT');
  }
  for (const deadline = Date.now() + 8000; servers.size > 0 && Date.now() < deadline; ) await sleep(10);
  for (const server of servers.keys()) server.kill('SIGKILL');
  for (const deadline = Date.now() + 2000; servers.size > 0 && Date.now() < deadline; ) await sleep(10);
  await Promise.allSettled([...paths].map((path) => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })));
  process.exit(0);
});

function start(id, { command, args, env, uid, gid, logFile, stopSignal }) {
  const output = logFile === undefined ? 'ignore' : openSync(logFile, 'a', 0o600);
  const server = spawn(command, args, { env, uid, gid, cwd: '/', stdio: ['ignore', output, output] });
  server.once('error', (error) => answer({ id, error: error.message }));
  server.once('spawn', () => {
    servers.set(server, stopSignal);
    answer({ id, pid: server.pid });
  });
  server.once('exit', () => servers.delete(server));
}

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
