// `npm run test:truth`: real server processes under faults, and the proof that what they showed was true.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { failPoints } from '../sabotage/fail-points.js';
import { createFaultLog } from './fault-log.js';
import { runFaults } from './fault-schedule.js';
import { createFigures, recoverWithinMs } from './figures.js';
import { createJudge } from './judge.js';
import { startLoad } from './load.js';
import { type Options, readOptions, usage } from './options.js';
import { watchOwnPauses } from './pace.js';
import { createRandom } from './random.js';
import { measureRecovery, unhitBy } from './recovery.js';
import { failuresOf, figuresOf, type Outcome, reportOf } from './report.js';
import { openRig, type Rig } from './rig.js';
import { stockShop } from './stock-shop.js';
import { startWatch } from './watch.js';

/** Of a run, faults begin after the first and end before the second, in ms. */
const warmUpMs = 3_000;
const scrapeEveryMs = 5_000;
const coolDownMs = (seconds: number) => Math.min(recoverWithinMs + 2_000, 400 * seconds);

async function run(options: Options, rig: Rig, isStopped: () => boolean): Promise<Outcome> {
  const { fleet, postgres, redis, adminKey } = rig;
  const random = createRandom(options.seed);
  const residents = fleet.slots.slice(0, options.instances);
  const guests = fleet.slots.slice(options.instances);
  const faults = createFaultLog();
  const judge = createJudge(faults.all);
  const contradictions: string[] = [];

  await Promise.all(residents.map((slot) => slot.join()));
  const shop = await stockShop(residents[0]?.port ?? 0, adminKey, judge.onViolation);

  const own = watchOwnPauses();
  const figures = createFigures(faults, own.within);
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const endsAt = startedAt + options.seconds * 1_000;
  const load = startLoad({ options, fleet, shop, figures, faults, random, adminKey, onContradiction: (what) => contradictions.push(what) });
  judge.follow(shop);
  const watch = startWatch(fleet.slots, scrapeEveryMs);

  const context = { fleet, residents, guests, postgres, redis, failPoints: failPoints.map(({ name }) => name), random: random.fork('faults') };
  const timetable = { from: startedAt + warmUpMs, until: endsAt - coolDownMs(options.seconds), tracks: 2, everyMs: 60_000, calmMs: 10_000 };
  await runFaults(options.faults, context, faults, timetable, isStopped);
  const hit = options.mode === 'validate' ? 'truetag; hit; detail=validated' : 'truetag; hit; detail=memory';
  const since = Math.max(faults.lastEnd(), startedAt);
  const measured = { slug: shop.still.slug, hit, figures, isOver: isStopped };
  const recovery = await Promise.all(residents.map((slot) => measureRecovery(slot, since, measured)));
  while (performance.now() < endsAt && !isStopped()) await sleep(50);

  const ranMs = performance.now() - startedAt;
  await load.stop();
  const slugs = shop.steady.map(({ slug }) => slug);
  const unhit = isStopped() ? [] : (await Promise.all(residents.map((slot) => unhitBy(slot, slugs, hit)))).flat();
  await watch.stop();
  own.stop();
  judge.finish();
  figures.finish();
  const cpu = process.cpuUsage(cpuBefore);
  const { violations, evidence } = judge;
  const costs = { ranMs, ownPauseMs: own.longest(), ownCpuMs: (cpu.user + cpu.system) / 1_000 };
  return {
    options,
    figures,
    faults: faults.all(),
    violations,
    contradictions,
    evidence,
    recovery,
    mishaps: [...fleet.mishaps, ...watch.findings(), ...unhit],
    scrapes: watch.answered(),
    ...costs,
  };
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    return 2;
  }
  let isStopped = false;
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      isStopped = true;
    });
  const rig = await openRig(options);
  try {
    const outcome = await run(options, rig, () => isStopped);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figuresOf(outcome), null, 2)}\n`);
    const failures = [...failuresOf(outcome), ...(isStopped ? ['stopped before its end'] : [])];
    process.stdout.write(`${reportOf(outcome)}\n\n${failures.length === 0 ? 'All of it was true.' : `FAILED: ${failures.join('; ')}`}\n`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await rig.close();
  }
}

process.exitCode = await main();
