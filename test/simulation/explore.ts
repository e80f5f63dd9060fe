import type { Database } from './database.js';
import type { Violation } from './history.js';
import { createSeeded, type Seeded, withSeed } from './seeded.js';
import { keepReading, keepWriting, slugs } from './traffic.js';
import { chooseClimate, createWeather } from './weather.js';
import { type Counts, createWorld, type Shop, type World } from './world.js';

/** `short`: a few leases long, thousands a second. `long`: a minute, with everything that takes its time, and with peace at the end. */
export type Length = 'short' | 'long';

export interface Schedule {
  seed: number;
  length: Length;
  violations: readonly Violation[];
  counts: Counts & Database['counts'] & { lies: number };
  virtualMs: number;
  trace: readonly string[];
}

/** One schedule, which follows from its seed. */
export function runSchedule(seed: number, length: Length, isTraced = false): Schedule {
  const seeded = createSeeded(seed);
  return withSeed(seeded.fork(), () => play(seed, seeded, length, isTraced));
}

function play(seed: number, seeded: Seeded, length: Length, isTraced: boolean): Schedule {
  const leaseMs = length === 'long' ? seeded.pick([500, 2000, 2000, 5000]) : seeded.pick([60, 100, 200, 600]);
  const durationMs = length === 'long' ? seeded.between(15_000, 45_000) : seeded.between(0.8, 2.2) * Math.min(leaseMs, 300) + 40;
  const climate = chooseClimate(seeded);
  if (length === 'long') climate.faultEveryMs *= 10;
  const weather = createWeather(seeded.fork(), climate);
  const products = Array.from({ length: 1 + seeded.below(length === 'long' ? 4 : 2) }, (_, i) => ({ id: `p${i}`, slug: slugs[i] as string }));
  const world = createWorld({
    seed,
    products,
    fateOf: weather.fateOf,
    fitsNotice: () => !seeded.chance(0.1),
    flushMs: () => seeded.between(5, 600),
    commitMs: () => (seeded.chance(0.1) ? seeded.between(1, 60) : 0.1),
    redisDelayMs: () => (seeded.chance(0.01) ? null : seeded.between(0.05, 0.6)),
    isTraced,
  });
  const { scheduler, database, counts } = world;
  world.redis.mood = seeded.pick(['down', 'honest', 'lying']);
  if (seeded.chance(0.1)) database.settled = 'another life';
  const shops: Shop[] = [];

  const rate = () => seeded.between(0.954, 1.045);
  const open = (place: number, name: string) => {
    shops[place] = world.open(name, { rate: rate(), leaseMs: seeded.chance(0.06) ? null : leaseMs });
  };
  function replace(shop: Shop) {
    const place = shops.indexOf(shop);
    if (place < 0) return;
    const [name, life = '1'] = shop.machine.name.split('.');
    scheduler.after(seeded.between(1, 400), () => shops[place] === shop && open(place, `${name}.${Number(life) + 1}`));
  }
  const size = 2 + (seeded.chance(0.2) ? 1 : 0) + (seeded.chance(0.1) ? 1 : 0);
  for (let place = 0; place < size; place += 1) open(place, `s${place}`);

  keepReading(world, shops, seeded.fork(), products, durationMs, length === 'long');
  keepWriting(world, shops, seeded.fork(), products, durationMs, leaseMs, length === 'long');
  weather.begin(world, shops, replace, durationMs);
  scheduler.runUntil(durationMs);
  let virtualMs = durationMs;
  if (length === 'long') {
    weather.clear(world);
    for (const { machine } of shops) machine.wake();
    // What was asked of a process that stood still begins now, and waits for readers; then F3, by the slowest of clocks.
    virtualMs += 1.2 * leaseMs + 3000 + 1.05 * Math.max(6000, 3 * leaseMs) + 2000;
    scheduler.runUntil(virtualMs);
    expectHits(world, shops, products);
    virtualMs += 1000;
    scheduler.runUntil(virtualMs);
  }
  world.history.end();
  return {
    seed,
    length,
    virtualMs,
    violations: world.history.violations,
    counts: { lies: world.redis.counts.lies, ...counts, ...database.counts },
    trace: world.trace ?? [],
  };
}

/** F3: all is well, so every product is answered from memory, the second time at the latest. */
function expectHits(world: World, shops: readonly Shop[], products: readonly { id: string }[]) {
  for (const shop of shops) {
    if (!shop.machine.isAlive() || shop.cache.report().lease.mode === 'validate') continue;
    for (const { id } of products) {
      void world
        .read(shop, `id:${id}`)
        .then(() => world.read(shop, `id:${id}`))
        .then(
          (how) => how !== 'memory' && world.history.violated('stuck', `${shop.machine.name} answers ${id} by ${how}, long after the last fault`),
        );
    }
  }
}
