import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from './limits.mjs';
import { openShop } from './open-shop.mjs';
import { note, watch } from './watch.mjs';

/** The column that every loader here, Truetag's documents included, names in the reply that carries the price. */
const priceMarker = 'amount';

/** All cases of one kind of shop. Redis goes away only from pairs of instances that nothing else is measured on. */
export async function runCases(rig, kind) {
  const parts = await Promise.all([
    runInFlight(rig, kind),
    runWithoutRedis(rig, kind, 'cut', (redis) => redis.cut()),
    runWithoutRedis(rig, kind, 'hole', (redis) => redis.blackHole()),
  ]);
  return Object.assign({}, ...parts);
}

/** One after the other as far as the acknowledgement and the reads that follow at once; what is watched for longer goes on beside the next. */
async function runInFlight(rig, kind) {
  const shop = await openShop(rig, kind);
  const acts = {
    s1Same: (product) => landLate(kind, shop, product, shop.a),
    s1Other: (product) => landLate(kind, shop, product, shop.b),
    s2Same: (product) => joinLate(shop, product, shop.a),
    s2Other: (product) => joinLate(shop, product, shop.b),
    second: (product) => askTheOther(kind, shop, product),
  };
  try {
    const results = {};
    for (const [name, act] of Object.entries(acts)) results[name] = await act(await kind.product(name));
    const watched = await Promise.all(Object.values(results).map(({ seen }) => seen));
    return Object.fromEntries(Object.entries(results).map(([name, result], i) => [name, { ...result, seen: watched[i] }]));
  } finally {
    shop.close();
  }
}

/**
 * S1. 1. A read of a product that nobody has cached sets out on A; Postgres replies with the old price, and the reply is on its way. 2. The
 * new price is written through `writer` and acknowledged. 3. The reply arrives, and the first read is answered, with the old price: it began
 * before. What do the reads on A say that begin now?
 */
async function landLate(kind, shop, product, writer) {
  const { write, land } = await writeBeneathARead(shop, product, writer);
  await land();
  return { write, seen: watch({ read: () => shop.a.read(product), product, forMs: kind.lifeMs + limits.beyondMs, quietMs: limits.quietMs }) };
}

/** S2. As S1, but between 2 and 3 another read begins on A. It began after the acknowledgement: what is it told? */
async function joinLate(shop, product, writer) {
  const { write, land } = await writeBeneathARead(shop, product, writer);
  const beganAt = performance.now();
  const joining = shop.a.read(product).catch((error) => error);
  // Whoever does not join needs no more than this to find its own answer.
  await Promise.race([joining, sleep(limits.joinMs)]);
  await land();
  return { write, seen: note({ oldAt: null, isOldAtEnd: false, reads: 0, failures: new Map() }, await joining, product, beganAt) };
}

async function writeBeneathARead(shop, product, writer) {
  const hold = shop.a.database.holdNext(priceMarker);
  const flying = shop.a.read(product).catch(() => null);
  await hold.caught;
  const write = await mustBeAcknowledged(writer.write(product));
  const land = () => {
    hold.release();
    return flying;
  };
  return { write, land };
}

/** Both instances know the product; the new price is written through A. What does B say? */
async function askTheOther(kind, shop, product) {
  await shop.a.warm(product);
  await shop.b.warm(product);
  const write = await mustBeAcknowledged(shop.a.write(product));
  return { write, seen: watch({ read: () => shop.b.read(product), product, forMs: kind.lifeMs + limits.beyondMs, quietMs: limits.quietMs }) };
}

async function mustBeAcknowledged(writing) {
  const write = await writing;
  if (write.answer?.status !== 200) throw new Error(`a write was not acknowledged: ${write.answer?.text ?? 'no answer'}`);
  return write;
}

/**
 * A and B know the product. Redis goes away from them, the new price is written through A, and Redis is back as soon as the write has been
 * answered or has waited long enough. What do A, B and an instance say that has been there all the time but never asked for the product? The
 * libraries are asked once they have found Redis again: a read before that goes past the cache, and may mend it by chance.
 */
async function runWithoutRedis(rig, kind, name, goAway) {
  const shop = await openShop(rig, kind, { withCold: true });
  try {
    const product = await kind.product(name);
    await shop.a.warm(product);
    await shop.b.warm(product);
    const connections = shop.redis.connections();
    goAway(shop.redis);
    const write = await shop.a.write(product);
    shop.redis.restore();
    if (!kind.isAskedAtOnce) await untilConnected(shop.redis, connections);
    const follow = (read) => watch({ read, product, forMs: kind.lifeMs + limits.beyondMs });
    const [late, writer, other, cold] = await Promise.all([
      write.late,
      follow(() => shop.a.read(product)),
      follow(() => shop.b.read(product)),
      follow(() => shop.cold.read(product)),
    ]);
    const isChanged = (await kind.truth(product)) === product.newAmount;
    return { [name]: { write: { ...write, late }, isChanged, seen: { writer, other, cold } } };
  } finally {
    shop.close();
  }
}

/** Some clients never come back, so this has a bound. */
async function untilConnected(redis, connections) {
  for (const deadline = performance.now() + limits.reconnectWithinMs; redis.connections() < connections && performance.now() < deadline; )
    await sleep(10);
}
