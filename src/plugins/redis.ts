import fastifyRedis from '@fastify/redis';
import plugin from 'fastify-plugin';
import { Redis } from 'ioredis';

/**
 * The connection to Redis, `app.redis`; undefined where none is configured. @fastify/redis waits for a Redis that is ready, and the shop must
 * open without one: so the client is made here, tried for a moment, and handed to the plugin only if it is ready by then. If not, it goes on
 * connecting by itself and every command fails at once meanwhile.
 */
export const redisPlugin = plugin<{ url: string | undefined; onError: (error: Error) => void }>(async (app, { url, onError }) => {
  if (url === undefined) return;
  const { client, isReady } = await connectRedis(url, onError);
  if (isReady) await app.register(fastifyRedis, { client });
  else app.decorate('redis', client as never);
  // The plugin would say goodbye, and closing would fail where Redis is not there to hear it.
  app.addHook('onClose', async () => client.disconnect());
});

/** A client whose every wait is bounded, and whether it is connected already. It goes on trying by itself. */
export async function connectRedis(url: string, onError: (error: Error) => void): Promise<{ client: Redis; isReady: boolean }> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 500,
    // A last resort, so that a command which hangs does not hold up what is pipelined behind it; how long a request waits is bounded in the cache.
    commandTimeout: 1000,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    // A command that was cut off must not be sent again seconds later: a fill would then put back what has been replaced.
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
  });
  client.on('error', onError);
  const isReady = await client.connect().then(
    () => true,
    () => false,
  );
  return { client, isReady };
}
