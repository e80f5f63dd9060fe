import { setTimeout as sleep } from 'node:timers/promises';
import { openLink } from '../link.mjs';
import { limits } from './limits.mjs';

/**
 * Instances over one Redis, each with a link of its own to Postgres: A and B share the link `redis`, a cold third one, where it is wanted, has
 * one that is never cut. Nothing is left where one of them does not come up.
 */
export async function openShop(rig, kind, { withCold = false } = {}) {
  const redis = await openLink(rig.redisUrl);
  const closing = [() => redis.close()];

  async function start(redisUrl) {
    const database = await openLink(rig.databaseUrl);
    closing.push(() => database.close());
    const server = await inTurn(() => kind.start({ databaseUrl: database.url, redisUrl }));
    closing.push(() => server.stop());
    return {
      database,
      warm: (product) => kind.warm(server, product),
      read: (product) => kind.read(server, product),
      write: (product) => write(kind, server, product),
    };
  }

  function close() {
    for (const step of closing.splice(0).reverse()) step();
  }

  try {
    return { a: await start(redis.url), b: await start(redis.url), cold: withCold ? await start(rig.redisUrl) : null, redis, close };
  } catch (error) {
    close();
    throw error;
  }
}

let lastStart = Promise.resolve();

/** One process starts at a time, whichever shop it is for: a dozen at once would all be slow. */
function inTurn(start) {
  const started = lastStart.then(start);
  lastStart = started.catch(() => {});
  return started;
}

/**
 * Writes the new price. `answer` is what came within the limit, null where nothing did, and `at` the monotonic ms of it; `late` is then a promise
 * of what came after all.
 */
async function write(kind, server, product) {
  const settled = kind.write(server, product).then(
    async (response) => ({ status: response.status, text: await response.text(), at: performance.now() }),
    (error) => ({ status: null, text: error.cause?.message ?? error.message, at: performance.now() }),
  );
  const within = (ms) => Promise.race([settled, sleep(ms, null)]);
  const answer = await within(limits.writeWithinMs);
  return { answer, late: answer ? null : within(limits.lateWithinMs) };
}
