import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { bundle } from '../sabotage/bundle.js';
import type { Tally } from './tally.js';
import type { Done, Share } from './worker.js';

/**
 * `npm run test:simulation -- --seeds N --from S [--seconds T] [--threads N] [--long]`: prints every seed that fails, and the history of the
 * first. Schedules run as one bundle, on every core: loaded file by file, names are kept at the cost of half the speed. Node is told not to
 * allocate among the old what seems to live long (package.json): whole worlds that are over would be kept alive by it until the next full
 * collection.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '86400' },
    threads: { type: 'string', default: String(availableParallelism()) },
    long: { type: 'boolean', default: false },
  },
});
const share: Share = {
  from: Number(values.from),
  seeds: Number(values.seeds),
  seconds: Number(values.seconds),
  length: values.long ? 'long' : 'short',
  taken: new SharedArrayBuffer(4),
};
const path = await bundle({ entry: 'test/simulation/worker.ts', edits: [] });
const began = performance.now();
const before = process.cpuUsage();

function work(): Promise<Done> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(path, { workerData: share, execArgv: [] });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a thread ended without a word')));
  });
}

const done = await Promise.all(Array.from({ length: Number(values.threads) }, work));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
const processorSeconds = (user + system) / 1e6;

const tally: Tally = {};
for (const { tally: part } of done) for (const [name, n] of Object.entries(part)) tally[name] = (tally[name] ?? 0) + n;
const failures = done.flatMap((part) => part.failures).sort(([a], [b]) => a - b);
for (const [, how] of failures) console.log(how);
const { schedules = 0, reads = 0, virtualMs = 0 } = tally;
const perSecond = (n: number) => Math.round(n / seconds);
console.log(JSON.stringify(tally));
console.log(
  `${schedules} schedules from seed ${share.from}, ${failures.length} failed; ${done.length} threads, ${seconds.toFixed(1)} s, ${processorSeconds.toFixed(1)} s of processors; ` +
    `${perSecond(schedules)} schedules a second, ${Math.round(schedules / processorSeconds)} a second of one processor; ` +
    `${perSecond(reads)} answers a second, ${perSecond(virtualMs)} ms of virtual time`,
);
process.exitCode = failures.length === 0 && schedules > 0 ? 0 : 1;
