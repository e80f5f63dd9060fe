import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { requireScope } from './access/caller.js';
import { scopes } from './access/scope.js';
import { createAccess } from './app/access.js';
import { type AppRoute, type BareServer, createBareServer } from './app/bare-server.js';
import { openConnections } from './app/connections.js';
import { createServices } from './app/services.js';
import { sharedCounts } from './app/shared-counts.js';
import { createState } from './app/state.js';
import { openCache } from './app/true-cache.js';
import { createWarnOnce } from './app/warn-once.js';
import type { Cache } from './cache/cache.js';
import { policies } from './cache/policies.js';
import { createPriceWriteLog } from './catalog/price-writes.js';
import type { Config } from './config.js';
import { errorForLog } from './plugins/error-for-log.js';
import { everyRoutePlugin } from './plugins/every-route.js';
import { refuseOtherMethods } from './plugins/method-not-allowed.js';
import { openapiPlugin } from './plugins/openapi.js';
import { refuseExpectation } from './plugins/problem.js';
import { requestIdOf } from './plugins/request-id.js';
import { type Headers, securityHeaders } from './plugins/security-headers.js';
import { hasSecondHost, maxHeaders } from './plugins/strict-request.js';
import { keepGarbageYoung } from './plugins/young-garbage.js';
import { adminCacheRoutes } from './routes/admin-cache.js';
import { adminImportRoutes } from './routes/admin-imports.js';
import { adminKeyRoutes } from './routes/admin-keys.js';
import { adminProductRoutes } from './routes/admin-products.js';
import { adminVariantRoutes } from './routes/admin-variants.js';
import { categoryRoutes } from './routes/categories.js';
import { demoImageRoutes } from './routes/demo-images.js';
import { healthRoutes } from './routes/health.js';
import { inventoryRoutes } from './routes/inventory.js';
import { createProductHits, serveFirst } from './routes/product-hits.js';
import { productRoutes } from './routes/products.js';
import { quoteRoutes } from './routes/quotes.js';
import type { Reading } from './sight/metrics.js';
import { openSight, type Sight } from './sight/sight.js';

export interface App {
  fastify: FastifyInstance;
  log: Logger;
  cache: Cache;
  /** Every route that answers, as it was registered. */
  routes: readonly AppRoute[];
  /** Whether no key would be taken: none is set, none stands in the database, and no issuer is trusted. */
  isAdminOff(): Promise<boolean>;
  /** From now on /health/ready answers 503. */
  drain(): void;
  /** The port of the metrics, and the traces that are not sent yet. To be closed last, so that a drain can be watched. */
  sight: Pick<Sight, 'listen' | 'close'>;
}

type AppConfig = Config & { databaseUrl: string };

const version = '0.1.0';

/**
 * The whole system, wired by hand in reading order: connections, cache, services, routes; what each is made of stands in `app/`. Applies
 * pending migrations first unless told not to. Throws where the database cannot be reached, and leaves nothing open then. Closing `fastify`
 * closes everything.
 */
export async function createApp(config: AppConfig): Promise<App> {
  keepGarbageYoung();
  let read: () => Promise<Reading> = () => Promise.reject(new Error('the service has not started yet'));
  const sight = await openSight({
    ...{ metrics: config.metrics, traces: config.traces, version, instance: randomUUID(), read: () => read() },
    onScrapeError: (error) => log.error({ err: error }, 'the metrics could not be read'),
    onExportError: (error) => warnOfExport(error),
  });
  const log = pino({ level: config.logLevel, serializers: { err: errorForLog }, ...(config.traces ? { mixin: sight.logFields } : {}) });
  const warnOfExport = createWarnOnce((message, error) => log.warn({ err: error }, message))(
    'The collector does not take the traces that it is sent',
  );
  const headers = securityHeaders(config);
  const server = createBareServer({ trustedProxies: config.trustedProxies, headers, onUnreadable: sight.unreadable });
  try {
    const wired = await wire({ config, sight, log, headers, server });
    read = wired.reading;
    return { ...wired.app, fastify: server.fastify as unknown as FastifyInstance, log, routes: server.routes, sight };
  } catch (error) {
    await server.fastify.close();
    await sight.close();
    throw error;
  }
}

async function wire(given: { config: AppConfig; sight: Sight; log: Logger; headers: Headers; server: BareServer }) {
  const { config, sight, log, headers } = given;
  const { fastify } = given.server;
  const plain = fastify as unknown as FastifyInstance;
  const now = () => new Date();
  const warnOnce = createWarnOnce((message, error) => log.warn({ err: error }, message));
  const { onlooker } = sight;

  // Connections, cache, services
  const connections = await openConnections(plain, { config, onlooker, warnOnce, log });
  const priceWrites = createPriceWriteLog();
  const cache = await openCache(plain, { config, connections, priceWrites, onlooker, warnOnce, log });
  const { defaultCurrency } = config;
  const services = createServices(plain, { connections, cache, priceWrites, defaultCurrency, now, log });
  const { products, listings, categories, inventory, quotes, productAdmin, prices, variants, imports } = services;
  const { keys, authenticator } = createAccess({ config, connections, warnOnce, log });
  const closedConnections = { tooMany: 0, pipelining: 0, stalled: 0 };
  const state = createState(plain, { ...{ version, memoryLimitBytes: config.memoryLimitBytes }, connections, cache, imports, closedConnections });

  // A connection that cannot be taken (no file descriptor is left) is that client's loss alone; without a listener it would end the process.
  const onListenFault = warnOnce('a connection could not be taken: too many are open for this process (see ulimit -n)');
  fastify.addHook('onListen', async () => void fastify.server.on('error', onListenFault));

  // What every route shares
  await sight.register(plain);
  await fastify.register(everyRoutePlugin, {
    ...{ log, headers, limits: config, line: connections.line },
    auth: { identify: authenticator.identify, requireScope, isScope: (name) => Object.hasOwn(scopes, name) },
    counts: config.redisUrl === undefined ? null : sharedCounts(plain, connections.catalogId),
    closed: closedConnections,
    onDrop: warnOnce('A connection was closed because there are as many as may be'),
  });
  const others = refuseOtherMethods(plain);
  await fastify.register(openapiPlugin, { version });

  // Routes
  await fastify.register(healthRoutes, { health: state.health });
  await fastify.register(productRoutes, { products, listings });
  await fastify.register(categoryRoutes, { categories });
  await fastify.register(inventoryRoutes, { inventory });
  await fastify.register(quoteRoutes, { quotes });
  await fastify.register(adminProductRoutes, { products: productAdmin, shape: policies.productDetail.shape });
  await fastify.register(adminVariantRoutes, { prices, priceWrites, inventory, variants });
  await fastify.register(adminImportRoutes, { imports, defaultCurrency });
  await fastify.register(adminKeyRoutes, { keys });
  await fastify.register(adminCacheRoutes, { report: cache.report });
  await fastify.register(demoImageRoutes);
  others.finish();
  fastify.server.on('checkExpectation', (request, response) => refuseExpectation(requestIdOf(request), response, headers));
  // Where requests of the storefront are counted none may pass by the counter.
  if (config.storefrontPerMinute === 0) {
    const variesByOrigin = config.corsOrigins.length > 0;
    serveFirst(
      fastify.server,
      createProductHits({
        ...{ products, requestIdOf, hasSecondHost, headers, maxHeaders, variesByOrigin, watch: sight.hits },
        isOpen: () => !state.isDraining(),
      }),
    );
  }

  const app = { cache, isAdminOff: () => authenticator.isOff().catch(() => false), drain: state.drain };
  return { app, reading: state.reading };
}
