import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, signal, waitUntilGone } from '../../src/db/process-life.js';
import { startWatchdog } from '../../src/db/watchdog.js';
import { freePort } from './free-port.js';
import { findRedisServer } from './redis-command.js';

export interface RedisServer {
  url: string;
  port: number;
  /** Ends it for good. */
  stop(): Promise<void>;
  /** Ends it as a crash would; resolves when it is gone. Its port refuses connections until `start`. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Leaves it hanging: connections stand and are taken, nothing is answered. */
  pause(): void;
  resume(): void;
}

const readyWithinMs = 10_000;

/** A redis-server of one's own, keeping nothing on disk, that ends with this process however that ends. */
export async function startRedis(...flags: string[]): Promise<RedisServer> {
  const command = findRedisServer();
  const watchdog = startWatchdog();

  async function launch(port: number): Promise<number | null> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...flags];
    const pid = await watchdog.spawn({ command, args, env: { PATH: '/usr/bin:/bin' }, stopSignal: 'SIGTERM' });
    for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline && isAlive(pid); await sleep(10)) {
      if (await isAnswering(port)) return isAlive(pid) ? pid : null;
    }
    return null;
  }

  async function relaunch(port: number): Promise<number> {
    const pid = await launch(port);
    if (pid === null) throw new Error(`redis-server did not come up on port ${port}`);
    return pid;
  }

  let port = await freePort();
  // Between asking for a free port and using it somebody else may take it.
  let pid = await launch(port);
  if (pid === null) {
    port = await freePort();
    pid = await relaunch(port);
  }
  let current = pid;
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => watchdog.end(),
    kill: async () => {
      signal(current, 'SIGKILL');
      await waitUntilGone(current, 5_000);
    },
    start: async () => {
      current = await relaunch(port);
    },
    pause: () => void signal(current, 'SIGSTOP'),
    resume: () => void signal(current, 'SIGCONT'),
  };
}

function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
  });
}
