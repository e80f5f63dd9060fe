import type { Seeded } from './seeded.js';
import type { Shop, World } from './world.js';

/** All slugs there ever are; products begin with the first of them. */
export const slugs = ['lamp', 'chair', 'table', 'bed', 'shelf'];

/** Readers, by slug, by id and many at once, of products that are there and of slugs that may be taken later. */
export function keepReading(world: World, shops: readonly Shop[], seeded: Seeded, products: readonly { id: string }[], end: number, isLong: boolean) {
  const gapMs = isLong ? 30 : seeded.pick([3, 7, 15]);
  const lookup = () =>
    seeded.chance(0.75)
      ? `slug:${seeded.chance(0.8) ? (slugs[seeded.below(products.length)] as string) : seeded.pick(slugs)}`
      : `id:${seeded.pick(products).id}`;
  const next = () => {
    if (world.scheduler.now() >= end) return;
    const shop = seeded.pick(shops);
    const wanted = lookup();
    const how = seeded.next();
    shop.machine.deliver(() => {
      if (how > 0.99 && shop.cache.report().lease.state === 'lost') world.counts.lapses += 1;
      if (how < 0.2 && wanted.startsWith('slug:')) world.hit(shop, wanted.slice(5));
      else if (how < 0.35)
        void world.readMany(
          shop,
          slugs.slice(0, 3).map((slug) => `slug:${slug}`),
        );
      else void world.read(shop, wanted);
    });
    world.scheduler.after(seeded.between(0, 2 * gapMs), next);
  };
  next();
}

/** Writers of prices, slugs and statuses, and of new products. */
export function keepWriting(
  world: World,
  shops: readonly Shop[],
  seeded: Seeded,
  products: readonly { id: string }[],
  end: number,
  leaseMs: number,
  isLong: boolean,
) {
  const gapMs = isLong ? 400 : Math.min(leaseMs, 300) * seeded.pick([0.1, 0.25, 0.5]);
  let made = 0;
  const next = () => {
    if (world.scheduler.now() >= end) return;
    const shop = seeded.pick(shops);
    const { id } = seeded.pick(products);
    const how = seeded.next();
    const slug = seeded.pick(slugs);
    const change =
      how < 0.7
        ? ({ kind: 'price', id, isEager: how < 0.35 } as const)
        : how < 0.85
          ? ({ kind: 'rename', id, slug } as const)
          : how < 0.92
            ? ({ kind: 'archive', id } as const)
            : how < 0.95
              ? ({ kind: 'sweep', id } as const)
              : ({ kind: 'create', id: `n${++made}`, slug } as const);
    shop.machine.deliver(() => void world.write(shop, change));
    world.scheduler.after(seeded.between(0, 2 * gapMs), next);
  };
  world.scheduler.after(seeded.between(5, 40), next);
}
