import { parseArgs } from 'node:util';
import { runSchedule } from './explore.js';
import { inTurn } from './in-turn.js';
import { addTo, type Tally, tellFailure } from './tally.js';

/** `npm run test:simulation -- --seeds N --from S [--seconds T] [--long]`: prints every seed that fails, and the history of the first. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '86400' },
    long: { type: 'boolean', default: false },
  },
});
const from = Number(values.from);
const length = values.long ? 'long' : 'short';
const began = performance.now();
const isLate = () => performance.now() - began > 1000 * Number(values.seconds);

const tally: Tally = {};
let failed = 0;
await inTurn(() => {
  for (let seed = from; seed < from + Number(values.seeds) && !isLate(); seed += 1) {
    const schedule = runSchedule(seed, length);
    addTo(tally, schedule);
    if (schedule.violations.length === 0) continue;
    failed += 1;
    console.log(tellFailure(failed === 1 ? runSchedule(seed, length, true) : schedule, 120));
  }
});
const seconds = (performance.now() - began) / 1000;
const perSecond = (n = 0) => Math.round(n / seconds);
const { user, system } = process.cpuUsage();
console.log(JSON.stringify(tally));
console.log(
  `${tally['schedules']} schedules from seed ${from}, ${failed} failed; ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of them on the processor; ` +
    `${perSecond(tally['schedules'])} schedules and ${perSecond(tally['reads'])} answers a second, ${perSecond(tally['virtualMs'])} ms of virtual time`,
);
process.exitCode = failed === 0 ? 0 : 1;
