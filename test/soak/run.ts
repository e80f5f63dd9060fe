// `npm run soak`: real server processes under load and faults for a while, and whether anything in them, in Redis or in Postgres only ever grows.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCollector } from '../sight/collector.js';
import { createFaultLog } from '../truth/fault-log.js';
import { runFaults } from '../truth/fault-schedule.js';
import { createFigures } from '../truth/figures.js';
import { createJudge } from '../truth/judge.js';
import { startLoad } from '../truth/load.js';
import { watchOwnPauses } from '../truth/pace.js';
import { createRandom } from '../truth/random.js';
import { openRig, type Rig } from '../truth/rig.js';
import { stockShop } from '../truth/stock-shop.js';
import { startWatch } from '../truth/watch.js';
import { startExtraLoad } from './extra-load.js';
import { growthOf, type Sample, tableOf } from './growth.js';
import { leaks } from './leaks.js';
import { readOptions, type SoakOptions, usage } from './options.js';
import { createSampler } from './sampler.js';

/** One sample in each period; its last part begins no fault, so that the sample meets none of the longer ones. */
const periodMs = 10_000;
const calmMs = 4_500;
/** A machine that does other things besides may make an instance refuse out of turn. What counts as a fault there is for the truth run to say. */
const isRefusal = /: no fault is on: /;
/** The products fit in twice; slugs that nobody has fill the rest within minutes, and from then on one leaves for each that comes. */
const memoryCacheMb = '1';
const scrapeEveryMs = 5_000;
/** A hundred times as many as by default: what a trace left behind would show within minutes. */
const tracedPart = '0.1';

async function soak(options: SoakOptions, rig: Rig, spans: () => number, isStopped: () => boolean): Promise<string[]> {
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
  const endsAt = startedAt + options.minutes * 60_000;
  const extraPerSecond = options.requests / 5;
  const shoppers = {
    ...options,
    reads: options.requests - extraPerSecond,
    seconds: 0,
    mode: 'lease',
    sabotage: undefined,
    minReads: 0,
    minWrites: 0,
  } as const;
  const load = startLoad({ options: shoppers, fleet, shop, figures, faults, random, adminKey, onContradiction: (what) => contradictions.push(what) });
  const extra = startExtraLoad({ slots: residents, shop, random: random.fork('extra'), adminKey, perSecond: extraPerSecond });
  judge.follow(shop);
  const watch = startWatch(residents, scrapeEveryMs);
  const sampler = createSampler({ postgresUrl: postgres.url, redisPort: redis.port, instances: residents });
  const samples: Sample[] = [];
  let writesAtWarm = 0;

  async function sampling(): Promise<void> {
    for (let at = startedAt + periodMs; at <= endsAt && !isStopped(); at += periodMs) {
      while (performance.now() < at && !isStopped()) await sleep(50);
      const series = Object.fromEntries([...watch.series()].map(([name, count]) => [`series ${name}`, count]));
      samples.push({ ...series, ...(await sampler.take()) });
      if (performance.now() < startedAt + 0.3 * (endsAt - startedAt)) writesAtWarm = figures.writes.acked + extra.counts.stock;
    }
  }
  const context = { fleet, residents, guests, postgres, redis, failPoints: [], random: random.fork('faults') };
  const timetable = { from: startedAt + 3_000, until: endsAt - calmMs, tracks: 1, everyMs: periodMs, calmMs };
  await Promise.all([sampling(), runFaults(options.faults, context, faults, timetable, isStopped)]);

  await Promise.all([load.stop(), extra.stop(), watch.stop()]);
  own.stop();
  judge.finish();
  await sampler.close();
  const growth = growthOf(samples, figures.writes.acked + extra.counts.stock + 20 * extra.counts.imports - writesAtWarm);
  const { unknown, stock, imports, other, broken } = extra.counts;
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(
    [
      `Soak of ${options.instances} instances and a guest, seed ${options.seed}, ${(seconds / 60).toFixed(1)} min${options.leak ? `, LEAK ${options.leak}` : ''}`,
      `answers    ${figures.answers} of shoppers (${Math.round(figures.answers / seconds)}/s); ${unknown} unknown slugs, ${stock} stock changes, ${imports} imports, ${other} others`,
      `writes     ${figures.writes.acked} acknowledged, ${figures.writes.refused} refused, ${figures.writes.unknown} of unknown outcome`,
      `statuses   ${[...figures.byStatus].map(([status, n]) => `${status} ${n}`).join(', ')}`,
      `faults     ${faults.all().length}, ${faults.all().filter(({ hasActed }) => hasActed).length} met something`,
      `sight      ${watch.answered()} scrapes, ${spans()} spans`,
      `samples    ${samples.length}`,
      '',
      tableOf(growth),
      ...judge.evidence.flatMap((lines) => ['', ...lines]),
      '',
    ].join('\n'),
  );
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ options, growth, samples }, null, 2)}\n`);
  const violations = [...judge.violations.values()].reduce((a, b) => a + b, 0);
  return [
    ...growth.filter(({ isOver }) => isOver).map(({ figure }) => `${figure} grows`),
    ...(violations > 0 ? [`${violations} violations`] : []),
    ...contradictions.slice(0, 5),
    ...broken.slice(0, 5),
    ...figures.illegal.filter((line) => !isRefusal.test(line)).slice(0, 5),
    ...fleet.mishaps,
    ...watch.findings(),
    ...(spans() === 0 ? ['no trace was sent'] : []),
    ...(isStopped() ? ['stopped before its end'] : []),
  ];
}

async function main(): Promise<number> {
  let options: SoakOptions;
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
  const leak = options.leak === undefined ? undefined : leaks[options.leak];
  const edits = leak ? [leak.edit] : [];
  let spans = 0;
  const collector = await startCollector((sent) => {
    spans += sent.length;
  });
  // As an operator has it: default limits, metrics that are scraped, traces that go somewhere.
  const env = { MEMORY_CACHE_MB: memoryCacheMb, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: tracedPart };
  const rig = await openRig({ ...options, mode: 'lease', sabotage: undefined }, { edits, env, watched: options.instances });
  try {
    const failures = await soak(
      options,
      rig,
      () => spans,
      () => isStopped,
    );
    process.stdout.write(failures.length === 0 ? 'Nothing grows.\n' : `FAILED: ${failures.join('; ')}\n`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await rig.close();
    await collector.close();
  }
}

process.exitCode = await main();
