import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createApp } from './app.js';
import { type Config, ConfigError, loadConfig } from './config.js';

export interface Server {
  url: string;
  /** Drains and closes: ready turns 503, what is in flight finishes, connections close. Bounded by the grace time. */
  close(): Promise<void>;
}

/**
 * Starts one server process: migrates unless told not to, wires the app, listens.
 * @throws an Error with one line that says what to do where the database cannot be reached or the port is taken
 */
export async function serve(config: Config): Promise<Server> {
  const { databaseUrl } = config;
  if (databaseUrl === undefined) throw new Error('DATABASE_URL is not set. Set it, or use `npm start`, which brings a database of its own');
  const app = await createApp({ ...config, databaseUrl });
  const { fastify, log } = app;
  if (await app.isAdminOff())
    log.warn('ADMIN_API_KEY is not set and the database holds no key: admin is off until `npm run keys -- create` makes one');
  try {
    await fastify.listen({ host: config.host, port: config.port });
    const metrics = await app.sight.listen();
    if (metrics) log.info(`metrics at ${metrics.url}`);
  } catch (error) {
    await fastify.close();
    await app.sight.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(`Port ${config.port} is taken. Stop what listens there or choose another: PORT=${config.port + 1}`);
    }
    throw error;
  }
  const address = fastify.server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return {
    url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`,
    async close() {
      app.drain();
      const isOver = sleep(config.shutdownGraceMs).then(() => false);
      // Whoever sends requests here learns from /health/ready that it should stop, before the door closes.
      await sleep(Math.min(500, config.shutdownGraceMs / 10));
      const closed = fastify.close().then(() => true);
      // A connection that was busy as the door closed would be kept alive once it has its answer.
      const sweep = setInterval(() => fastify.server.closeIdleConnections(), 50);
      const isClosed = await Promise.race([closed, isOver]);
      clearInterval(sweep);
      if (!isClosed) fastify.server.closeAllConnections();
      await app.sight.close();
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

async function main(): Promise<void> {
  let server: Server | undefined;
  let isStopping = false;
  const stop = async () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    await server?.close();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    server = await serve(loadConfig());
    process.stdout.write(`Truetag listens on ${server.url}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
