import { parseArgs } from 'node:util';
import { buildTruetag } from '../prepare.mjs';

/**
 * `npm run incident [-- --no-build]`: a shop's price rises while its cache cannot be told, and 3,000 customers order at once; a naive cache-aside
 * shop and Truetag side by side, over the same Postgres and the same Redis. Exit 1 where Truetag showed anybody the old price or no price.
 */
const customers = 3_000;
const atOnce = 50;
const oldAmount = 3_900;
const newAmount = 4_900;

const { values: flags } = parseArgs({ options: { 'no-build': { type: 'boolean', default: false } } });
if (!flags['no-build']) buildTruetag();

// Only now: these need the build.
const { openLink } = await import('../link.mjs');
const { openRig } = await import('../rig.mjs');
const { letOrder } = await import('./customers.mjs');
const { report } = await import('./report.mjs');
const { openNaive, openTruetag } = await import('./shops.mjs');

const say = (line) => process.stderr.write(`${line}\n`);
process.exit(await replay().catch(fail));

async function replay() {
  say('starting Postgres and Redis, a naive shop and two instances of Truetag');
  const rig = await openRig();
  const redis = await openLink(rig.redisUrl);
  try {
    await rig.fillCatalog(0);
    const shops = [await openNaive(rig, redis, oldAmount), await openTruetag(rig, redis, oldAmount)];
    // Everybody who was here before: the price is in every cache.
    for (const { readPrice } of shops) for (const customer of [0, 1, 2, 3]) await readPrice(customer);

    say('the link to Redis breaks, the price rises in both shops, the link is whole again');
    redis.cut();
    const acknowledgedAt = await Promise.all(shops.map(({ setPrice }) => setPrice(newAmount).then(() => performance.now())));
    redis.restore();

    say(`${customers.toLocaleString('en-US')} customers order in each shop`);
    const orders = await Promise.all(
      shops.map(async (shop, i) => {
        await shop.untilBack();
        const ordered = await letOrder({ count: customers, atOnce, readPrice: shop.readPrice, oldAmount });
        const oldForMs = ordered.oldAt === null ? null : Math.max(0, ordered.oldAt - acknowledgedAt[i]);
        return { shop, ...ordered, oldForMs, lifeLeftMs: await shop.lifeLeftMs() };
      }),
    );
    const { text, isTrue } = report({ results: orders, oldAmount, newAmount });
    process.stdout.write(text);
    return isTrue ? 0 : 1;
  } finally {
    redis.close();
    await rig.close();
  }
}

function fail(error) {
  process.stderr.write(`The incident could not be replayed: ${error.message}\n`);
  return 1;
}
