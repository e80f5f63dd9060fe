import type { End } from './database.js';
import type { RedisMood } from './lying-redis.js';
import type { Seeded } from './seeded.js';
import type { Fate, Message } from './wire.js';
import type { Shop, World } from './world.js';

/** How bad it gets. Chances are of one message, rates of one second. */
export interface Climate {
  notices: { lost: number; twice: number; late: number };
  spike: number;
  spikeMs: number;
  commitLost: number;
  /** Between two faults, on average. */
  faultEveryMs: number;
  faults: readonly Fault[];
}

export type Fault = 'pause' | 'stall' | 'kill' | 'leave' | 'cut' | 'session' | 'silence' | 'reset' | 'database' | 'wall' | 'redis';

const every: readonly Fault[] = ['pause', 'stall', 'kill', 'leave', 'cut', 'session', 'silence', 'reset', 'database', 'wall', 'redis'];

export function chooseClimate(seeded: Seeded): Climate {
  const isFair = seeded.chance(0.1);
  return {
    notices: isFair
      ? { lost: 0, twice: 0, late: 0 }
      : { lost: seeded.pick([0, 0.05, 0.3, 1]), twice: seeded.pick([0, 0.1]), late: seeded.pick([0, 0.1, 0.4]) },
    spike: isFair ? 0 : seeded.pick([0, 0.02, 0.2]),
    spikeMs: seeded.pick([20, 200, 900]),
    commitLost: isFair ? 0 : seeded.pick([0, 0.05, 0.2]),
    faultEveryMs: seeded.pick([40, 80, 200]),
    faults: isFair ? [] : every.filter(() => seeded.chance(0.6)),
  };
}

export interface Weather {
  fateOf(message: Message): Fate;
  /** Lets faults happen to these shops until `end`, or until it is called off. */
  begin(world: World, shops: readonly Shop[], replace: (shop: Shop) => void, end: number): void;
  /** No more faults, and those that last are over. */
  clear(world: World): void;
}

export function createWeather(seeded: Seeded, climate: Climate): Weather {
  const cuts = new Map<string, 'both' | 'request' | 'reply'>();
  let isClear = false;

  function fateOf({ machine, op, leg }: Message): Fate {
    const base = seeded.between(0.1, 1.5);
    if (isClear) return [base];
    const cut = cuts.get(machine);
    if (cut === 'both' || (cut !== undefined && (cut === leg || (cut === 'reply' && leg === 'notice')))) return [];
    if (op === 'commit' && seeded.chance(climate.commitLost)) return [];
    const delay = climate.spike > 0 && seeded.chance(climate.spike) ? base + seeded.between(0, climate.spikeMs) : base;
    if (leg !== 'notice') return [delay];
    const { lost, twice, late } = climate.notices;
    if (seeded.chance(lost)) return [];
    const when = seeded.chance(late) ? delay + seeded.between(0, 3000) : delay;
    return seeded.chance(twice) ? [when, when + seeded.between(0, 500)] : [when];
  }

  function happen(fault: Fault, world: World, shop: Shop, replace: (shop: Shop) => void) {
    const { machine } = shop;
    const { scheduler, wire, database } = world;
    if (world.trace) world.say(`${machine.name}: ${fault}`);
    switch (fault) {
      case 'pause':
        return machine.pause(seeded.between(50, seeded.pick([200, 1000, 9000])));
      case 'stall':
        return machine.pause(seeded.between(2, 80));
      case 'kill':
        machine.kill();
        for (const connection of [...wire.open]) if (connection.machine === machine) wire.reset(connection);
        return replace(shop);
      case 'leave':
        void shop.cache.close();
        scheduler.after(seeded.between(0, 600), () => machine.isAlive() && happen('kill', world, shop, replace));
        return;
      case 'cut':
        cuts.set(machine.name, seeded.pick(['both', 'both', 'request', 'reply'] as const));
        scheduler.after(seeded.between(30, seeded.pick([200, 2500])), () => cuts.delete(machine.name));
        return;
      case 'session':
      case 'silence': {
        const listener = [...database.listeners.values()].find(({ connection }) => connection.machine === machine);
        if (!listener) return;
        if (fault === 'session') wire.reset(listener.connection);
        else listener.connection.isSilent = true;
        return;
      }
      case 'reset': {
        const open = [...wire.open].filter((connection) => connection.machine === machine);
        if (open.length > 0) wire.reset(seeded.pick(open));
        return;
      }
      case 'database':
        return database.end(
          seeded.pick(['restart', 'crash', 'crash', 'reinit', 'reinit', 'failover'] as const satisfies readonly End[]),
          seeded.between(5, seeded.pick([50, 1500])),
        );
      case 'wall':
        return machine.stepWall(seeded.between(-4000, 4000));
      case 'redis':
        world.redis.mood = seeded.pick(['honest', 'lying', 'lying', 'down'] as const satisfies readonly RedisMood[]);
    }
  }

  return {
    fateOf,
    begin(world, shops, replace, end) {
      if (climate.faults.length === 0) return;
      const next = () => {
        if (isClear || world.scheduler.now() >= end) return;
        happen(seeded.pick(climate.faults), world, seeded.pick(shops), replace);
        wait();
      };
      const wait = () => world.scheduler.after(seeded.between(0, 2 * climate.faultEveryMs), next);
      wait();
    },
    clear(world) {
      isClear = true;
      cuts.clear();
      world.redis.mood = 'honest';
    },
  };
}
