import { parentPort, workerData } from 'node:worker_threads';
import { type Length, runSchedule } from './explore.js';
import { inTurn } from './in-turn.js';
import { addTo, type Tally, tellFailure } from './tally.js';

/** What a thread is told. Threads take seeds in handfuls, from a number that they share. */
export interface Share {
  from: number;
  seeds: number;
  seconds: number;
  length: Length;
  /** How many seeds have been taken, by whomever. */
  taken: SharedArrayBuffer;
}

/** What a thread has done. */
export interface Done {
  tally: Tally;
  /** By seed: how its schedule failed. */
  failures: [seed: number, how: string][];
}

const handful = 20;
const { from, seeds, seconds, length, taken } = workerData as Share;
const counter = new Int32Array(taken);
const began = performance.now();
const isLate = () => performance.now() - began > 1000 * seconds;

/** The seeds taken so far are all run, also where time is up; of the failures only the first is traced, which takes a second run. */
function runAll(): Done {
  const tally: Tally = {};
  const failures: Done['failures'] = [];
  while (!isLate()) {
    const first = Atomics.add(counter, 0, handful);
    if (first >= seeds) break;
    for (let seed = from + first; seed < from + Math.min(first + handful, seeds); seed += 1) {
      const schedule = runSchedule(seed, length);
      addTo(tally, schedule);
      if (schedule.violations.length > 0) failures.push([seed, tellFailure(failures.length === 0 ? runSchedule(seed, length, true) : schedule, 120)]);
    }
  }
  return { tally, failures };
}

parentPort?.postMessage(await inTurn(runAll));
