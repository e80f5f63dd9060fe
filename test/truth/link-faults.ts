import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultContext, FaultKind } from './fault-context.js';
import type { LinkMode } from './fault-proxy.js';
import type { Link } from './links.js';

/** Faults of the network between an instance and Postgres or Redis. */
export const linkFaults: Record<string, FaultKind> = {
  'link-cut': onLinks('cut', 300, 3_000),
  'link-black-hole': onLinks('black-hole', 500, 3_500),
  'link-black-hole-requests': onLinks('black-hole-requests', 500, 3_500),
  'link-black-hole-replies': onLinks('black-hole-replies', 500, 3_500),
  'link-slow-replies': onLinks('slow-replies', 1_000, 4_000, [50, 600]),
  'link-latency': onLinks('latency', 500, 3_000, [20, 300]),
  'link-drip': onLinks('drip', 500, 2_500),
  'link-reset': (context) => {
    const { links, on } = draw(context);
    return {
      on,
      holds: `link ${on.split(' ')[0]}`,
      async run() {
        for (const link of links) await link.reset();
        return true;
      },
    };
  },
  'commit-reset-before': onCommit('reset-before-commit'),
  'commit-reset-after': onCommit('reset-after-commit'),
  'commit-black-hole': onCommit('hole-after-commit'),
};

function onLinks(mode: LinkMode, fromMs: number, toMs: number, delay: readonly [number, number] = [0, 0]): FaultKind {
  return (context) => {
    const { links, on } = draw(context);
    const ms = context.random.int(fromMs, toMs);
    const delayMs = context.random.int(...delay);
    return {
      on: `${on}, ${ms} ms${delayMs > 0 ? ` of ${delayMs} ms late` : ''}`,
      holds: `link ${on.split(' ')[0]}`,
      run: () => during(links, mode, delayMs, ms),
    };
  };
}

/** The next COMMIT of an instance is hit, within two seconds. */
function onCommit(mode: LinkMode): FaultKind {
  return ({ residents, random }) => {
    const slot = random.pick(residents);
    return { on: `${slot.name} pool`, holds: `link ${slot.name}`, run: () => during([slot.links.pool], mode, 0, 2_000) };
  };
}

async function during(links: readonly Link[], mode: LinkMode, delayMs: number, ms: number): Promise<boolean> {
  for (const link of links) await link.set(mode, delayMs);
  try {
    await sleep(ms);
    const touched = await Promise.all(links.map((link) => link.touched()));
    return touched.some((times) => times > 0);
  } finally {
    for (const link of links) await link.set('pass');
  }
}

function draw({ residents, random }: FaultContext): { links: Link[]; on: string } {
  const slot = random.pick(residents);
  const { pool, session, redis } = slot.links;
  const which = random.int(0, 7);
  if (which < 2) return { links: [pool], on: `${slot.name} pool` };
  if (which < 4) return { links: [pool, session], on: `${slot.name} Postgres` };
  if (which === 4) return { links: [session], on: `${slot.name} session` };
  if (which === 5) return { links: [pool, session, redis], on: `${slot.name} everything` };
  if (which === 6) return { links: [redis], on: `${slot.name} Redis` };
  return { links: residents.map(({ links }) => links.redis), on: 'Redis of all' };
}
