import type { Violation } from './history.js';
import { createSeeded, withSeed } from './seeded.js';
import type { Message } from './wire.js';
import { createWorld, type Shop, type World } from './world.js';

type Wanted = Partial<Message>;

/** A message that stays under way until it is told to go on. */
export interface Held {
  /** Resolves when it is caught. */
  caught: Promise<void>;
  go(): void;
}

/** Where a schedule is played that somebody has thought out: a millisecond for every message that it does not treat otherwise. */
export interface Stage extends World {
  shop(name: string, leaseMs?: number): Shop;
  sleep(ms: number): Promise<void>;
  /** Catches the next such message. */
  hold(wanted: Wanted): Held;
  /** Loses all such messages until the returned function is called. */
  lose(wanted: Wanted): () => void;
  /** Reads until memory holds it. */
  warm(shop: Shop, lookup: string): Promise<void>;
  expectHit(shop: Shop, lookup: string): Promise<void>;
}

export type Play = (stage: Stage) => Promise<void>;

export interface Played {
  violations: readonly Violation[];
  /** Whether it came to its end. */
  isOver: boolean;
  trace: readonly string[];
}

const product = { id: 'p0', slug: 'lamp' };
const longestMs = 60_000;

/** Not to be called from within a promise. */
export function play(script: Play): Played {
  return withSeed(createSeeded(1), () => {
    const rules: { wanted: Wanted; catches: ((go: () => void) => void) | null }[] = [];
    const world = createWorld({
      seed: 1,
      products: [product],
      isTraced: true,
      flushMs: () => 400,
      fateOf(message) {
        const rule = rules.find(({ wanted }) => Object.entries(wanted).every(([field, value]) => message[field as keyof Message] === value));
        if (!rule) return [1];
        if (!rule.catches) return [];
        rules.splice(rules.indexOf(rule), 1);
        return rule.catches;
      },
    });
    world.redis.mood = 'down';
    const stage: Stage = {
      ...world,
      shop: (name, leaseMs = 2000) => world.open(name, { rate: 1, leaseMs }),
      sleep: (ms) =>
        new Promise((resolve) => {
          world.scheduler.after(ms, resolve);
        }),
      hold(wanted) {
        let letGo: (() => void) | undefined;
        let isFree = false;
        const caught = new Promise<void>((resolve) => {
          rules.unshift({
            wanted,
            catches: (go) => {
              letGo = go;
              if (isFree) go();
              resolve();
            },
          });
        });
        return {
          caught,
          go() {
            isFree = true;
            if (letGo) world.scheduler.after(1, letGo);
          },
        };
      },
      lose(wanted) {
        const rule = { wanted, catches: null };
        rules.unshift(rule);
        return () => {
          rules.splice(rules.indexOf(rule), 1);
        };
      },
      async warm(shop, lookup) {
        for (let i = 0; i < 5; i += 1) if ((await world.read(shop, lookup)) === 'memory') return;
      },
      async expectHit(shop, lookup) {
        await world.read(shop, lookup);
        const how = await world.read(shop, lookup);
        if (how !== 'memory') world.history.violated('stuck', `${shop.machine.name} answers ${lookup} by ${how}, not from memory`);
      },
    };
    let isOver = false;
    let failure: unknown;
    script(stage).then(
      () => {
        isOver = true;
      },
      (error) => {
        failure = error;
      },
    );
    world.scheduler.runUntil(longestMs, () => isOver);
    if (failure) throw failure;
    world.history.end();
    return { violations: world.history.violations, isOver, trace: world.trace ?? [] };
  });
}
