import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cores, onCore } from './cores.mjs';

const jobWithinMs = 60_000;

/** The generator, in its own process and on a core of its own where there are two. */
export function startLoad() {
  const [command, args] = onCore(cores?.generator, process.execPath, [fileURLToPath(new URL('./load.mjs', import.meta.url))]);
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return {
    run(job) {
      return new Promise((resolve, reject) => {
        const settle = (error, result) => {
          clearTimeout(timer);
          child.removeAllListeners();
          if (error) reject(new Error(`the load generator: ${error}`));
          else resolve(result);
        };
        const timer = setTimeout(() => settle('no answer in time'), jobWithinMs);
        child.once('exit', (code, signal) => settle(`ended with ${code ?? signal}`));
        child.once('message', ({ error, result }) => settle(error, result));
        child.send(job);
      });
    },
    end: () => child.connected && child.disconnect(),
  };
}
