// `npm run test:truth`: real server processes under faults, and the proof that what they showed was true.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { failPoints } from '../sabotage/fail-points.js';
import { type Chase, createChase } from './chase.js';
import { evidence } from './evidence.js';
import { createFaultLog } from './fault-log.js';
import { runFaults } from './fault-schedule.js';
import { createFigures, recoverWithinMs } from './figures.js';
import type { Violation, ViolationKind } from './history.js';
import { type Options, readOptions, usage } from './options.js';
import { createPace, watchOwnPauses } from './pace.js';
import { createRandom } from './random.js';
import { chaseOn, readOn } from './readers.js';
import { measureRecovery } from './recovery.js';
import { failuresOf, figuresOf, type Outcome, reportOf } from './report.js';
import { openRig, type Rig } from './rig.js';
import { stockShop } from './stock-shop.js';
import { moveProducts, type WriterDeps, writeGiveUpMs, writePrices } from './writers.js';

const readersPerInstance = 8;
const chasersPerInstance = 4;
const priceWriters = 10;
const movers = 3;
/** No read and no write overlaps with another for longer. */
const judgeAfterMs = 12_000;
const settledAfterMs = writeGiveUpMs + 500;
const evidenceAtMost = 4;

async function run(options: Options, rig: Rig, isStopped: () => boolean): Promise<Outcome> {
  const { fleet } = rig;
  const random = createRandom(options.seed);
  const faults = createFaultLog();
  const own = watchOwnPauses();
  const figures = createFigures(faults, own.within);
  const violations = new Map<ViolationKind, number>();
  const contradictions: string[] = [];
  const shown: string[][] = [];
  const residents = fleet.slots.slice(0, options.instances);
  const guests = fleet.slots.slice(options.instances);

  await Promise.all(residents.map((slot) => slot.join()));
  const shop = await stockShop(residents[0]?.port ?? 0, rig.adminKey, onViolation);

  function onViolation(violation: Violation): void {
    violations.set(violation.kind, (violations.get(violation.kind) ?? 0) + 1);
    if (shown.length >= evidenceAtMost) return;
    const history = [...shop.all()].find(({ name }) => name === violation.product)?.history;
    shown.push(evidence(violation, history?.recent() ?? [], faults.all()));
  }

  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const endsAt = startedAt + options.seconds * 1_000;
  let isLoadOver = false;
  const isOver = () => isLoadOver || isStopped();
  const chases = new Map(fleet.slots.map((slot) => [slot, createChase()]));
  const pace = createPace(options.reads);
  const readers = fleet.slots.flatMap((slot) =>
    Array.from({ length: readersPerInstance + chasersPerInstance }, async (_, i) => {
      const stream = random.fork(`reader ${slot.name} ${i}`);
      const isGone = () => isOver() || !slot.isUp();
      const deps = { slot, shop, figures, random: stream, isOver: isGone, onFault: (what: string) => contradictions.push(what) };
      const chase = chases.get(slot) as Chase;
      while (!isOver()) {
        if (!slot.isUp()) await sleep(20);
        else await (i < readersPerInstance ? readOn({ ...deps, pace }) : chaseOn({ ...deps, chase }));
      }
    }),
  );
  const writer = (name: string, perSecond: number): WriterDeps => ({
    slots: fleet.slots,
    shop,
    figures,
    faults,
    random: random.fork(name),
    pace: createPace(perSecond),
    adminKey: rig.adminKey,
    isOver,
    onMoment: (slug) => {
      for (const [slot, chase] of chases) if (slot.isUp()) chase.push(slug);
    },
  });
  const writers = [
    ...Array.from({ length: priceWriters }, (_, i) => writePrices(writer(`prices ${i}`, options.writes / priceWriters))),
    ...Array.from({ length: movers }, (_, i) => moveProducts(writer(`movers ${i}`, options.writes / 10 / movers))),
  ];
  const judge = setInterval(() => {
    const now = performance.now();
    for (const { history } of shop.all()) history.judge(now - judgeAfterMs, now - settledAfterMs);
  }, 1_000);

  const faultsUntil = endsAt - Math.min(recoverWithinMs + 2_000, options.seconds * 400);
  const context = {
    fleet,
    residents,
    guests,
    postgres: rig.postgres,
    redis: rig.redis,
    failPoints: failPoints.map(({ name }) => name),
    random: random.fork('faults'),
  };
  await runFaults(
    options.faults,
    context,
    faults,
    { from: startedAt + 3_000, until: faultsUntil, tracks: 2, everyMs: 60_000, calmMs: 10_000 },
    isOver,
  );
  const hit = options.mode === 'validate' ? 'truetag; hit; detail=validated' : 'truetag; hit; detail=memory';
  const since = Math.max(faults.lastEnd(), startedAt);
  const recovery = await Promise.all(residents.map((slot) => measureRecovery(slot, since, { slug: shop.still.slug, hit, figures, isOver })));
  while (performance.now() < endsAt && !isOver()) await sleep(50);

  isLoadOver = true;
  for (const chase of chases.values()) chase.close();
  const ranMs = performance.now() - startedAt;
  await Promise.all([...readers, ...writers]);
  clearInterval(judge);
  own.stop();
  for (const { history } of shop.all()) history.judge(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const cpu = process.cpuUsage(cpuBefore);
  return {
    options,
    figures,
    faults: faults.all(),
    violations,
    contradictions,
    evidence: shown,
    recovery,
    mishaps: fleet.mishaps,
    ranMs,
    ownPauseMs: own.longest(),
    ownCpuMs: (cpu.user + cpu.system) / 1_000,
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
