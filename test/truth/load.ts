import { setTimeout as sleep } from 'node:timers/promises';
import { type Chase, createChase } from './chase.js';
import type { FaultLog } from './fault-log.js';
import type { Figures } from './figures.js';
import type { Fleet, Slot } from './fleet.js';
import type { Options } from './options.js';
import { createPace } from './pace.js';
import type { Random } from './random.js';
import { chaseOn, type ReaderDeps, readOn } from './readers.js';
import type { Shop } from './shop.js';
import { moveProducts, type WriterDeps, writePrices } from './writers.js';

const readersPerInstance = 8;
const chasersPerInstance = 4;
const priceWriters = 10;
const movers = 3;

/** Readers on every instance, whenever it is up, and writers on all of them. */
export function startLoad(deps: {
  options: Options;
  fleet: Fleet;
  shop: Shop;
  figures: Figures;
  faults: FaultLog;
  random: Random;
  adminKey: string;
  onContradiction: (what: string) => void;
}): { stop(): Promise<void> } {
  const { options, fleet, shop, figures, random } = deps;
  let isOver = false;
  const chases = new Map(fleet.slots.map((slot) => [slot, createChase()]));
  const pace = createPace(options.reads);

  async function whileUp(slot: Slot, name: string, work: (reader: ReaderDeps) => Promise<void>): Promise<void> {
    const reader = { slot, shop, figures, random: random.fork(name), isOver: () => isOver || !slot.isUp(), onContradiction: deps.onContradiction };
    while (!isOver) {
      if (slot.isUp()) await work(reader);
      else await sleep(20);
    }
  }

  function writer(name: string, perSecond: number): WriterDeps {
    return {
      ...deps,
      slots: fleet.slots,
      random: random.fork(name),
      pace: createPace(perSecond),
      isOver: () => isOver,
      onMoment: (slug) => {
        for (const [slot, chase] of chases) if (slot.isUp()) chase.push(slug);
      },
    };
  }

  const times = (count: number, make: (i: number) => Promise<void>) => Array.from({ length: count }, (_, i) => make(i));
  const working = [
    ...[...chases].flatMap(([slot, chase]: [Slot, Chase]) => [
      ...times(readersPerInstance, (i) => whileUp(slot, `reader ${slot.name} ${i}`, (reader) => readOn({ ...reader, pace }))),
      ...times(chasersPerInstance, (i) => whileUp(slot, `chaser ${slot.name} ${i}`, (reader) => chaseOn({ ...reader, chase }))),
    ]),
    ...times(priceWriters, (i) => writePrices(writer(`prices ${i}`, options.writes / priceWriters))),
    ...times(movers, (i) => moveProducts(writer(`movers ${i}`, options.writes / 10 / movers))),
  ];
  return {
    async stop() {
      isOver = true;
      for (const chase of chases.values()) chase.close();
      await Promise.all(working);
    },
  };
}
