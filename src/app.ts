import { createHash } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type Logger, pino } from 'pino';
import { type Cache, createCache } from './cache/cache.js';
import { parameterKey } from './cache/keys.js';
import { policies } from './cache/policies.js';
import { createCategoryService } from './catalog/category-service.js';
import { createCursors } from './catalog/cursor.js';
import { createImportRunner } from './catalog/import-runner.js';
import { createImportService } from './catalog/import-service.js';
import { createInventoryService } from './catalog/inventory-service.js';
import { createListingService } from './catalog/listing-service.js';
import { createPriceService } from './catalog/price-service.js';
import { createPriceWriteLog } from './catalog/price-writes.js';
import { createProductAdminService } from './catalog/product-admin-service.js';
import { createProductService } from './catalog/product-service.js';
import { createQuoteService } from './catalog/quote-service.js';
import { createVariantSearch } from './catalog/variant-search.js';
import { writeErrors } from './catalog/write-attempt.js';
import type { Config } from './config.js';
import { awaitCatalogId } from './db/catalog-id.js';
import { createCategoryReads } from './db/categories.js';
import { createDatabase, isPooler, requireUtc } from './db/client.js';
import { createImportJobs } from './db/import-jobs.js';
import { createInventoryReads } from './db/inventory.js';
import { createListingReads } from './db/listing-reads.js';
import { migrate } from './db/migrator.js';
import { createProductReads } from './db/product-reads.js';
import { createProductWrites } from './db/product-writes.js';
import { createQuoteReads } from './db/quotes.js';
import { createOpenSession } from './db/truth-session.js';
import { createWriteSteps } from './db/truth-steps.js';
import { createDatabaseWatch } from './db/watch.js';
import { AppError, isAppError } from './errors.js';
import { pickImporter } from './importers/importer.js';
import { authPlugin } from './plugins/auth.js';
import { cacheControlPlugin } from './plugins/cache-control.js';
import { withFrugalHeap } from './plugins/frugal-heap.js';
import { jsonBodyPlugin } from './plugins/json-body.js';
import { refuseOtherMethods } from './plugins/method-not-allowed.js';
import { openapiPlugin } from './plugins/openapi.js';
import { onFrameworkError, problemPlugin, rawProblem } from './plugins/problem.js';
import { redisPlugin } from './plugins/redis.js';
import { requestIdOf, requestIdPlugin } from './plugins/request-id.js';
import { strictRequestPlugin } from './plugins/strict-request.js';
import { unsupportedHeadersPlugin } from './plugins/unsupported-headers.js';
import { adminCacheRoutes } from './routes/admin-cache.js';
import { adminImportRoutes } from './routes/admin-imports.js';
import { adminProductRoutes } from './routes/admin-products.js';
import { adminVariantRoutes } from './routes/admin-variants.js';
import { categoryRoutes } from './routes/categories.js';
import { demoImageRoutes } from './routes/demo-images.js';
import { type Health, healthRoutes } from './routes/health.js';
import { inventoryRoutes } from './routes/inventory.js';
import { createProductHits, serveFirst } from './routes/product-hits.js';
import { productRoutes } from './routes/products.js';
import { quoteRoutes } from './routes/quotes.js';

export interface App {
  fastify: FastifyInstance;
  log: Logger;
  cache: Cache;
  /** Every route that answers, as it was registered. */
  routes: readonly { method: string; url: string; isRefusal: boolean }[];
  /** From now on /health/ready answers 503. */
  drain(): void;
}

/**
 * The whole system, wired by hand in reading order: connections, cache, services, routes. Applies pending migrations first unless told not
 * to. Throws where the database cannot be reached. Closing `fastify` closes everything.
 */
export async function createApp(config: Config & { databaseUrl: string }): Promise<App> {
  const log = pino({ level: config.logLevel });
  const fastify = Fastify({
    // Fastify's own logger listens to the end of every answer, logged or not, which is a quarter of what a product hit costs.
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    bodyLimit: 2 * 2 ** 20,
    requestTimeout: 300_000,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    http: { headersTimeout: 10_000, maxHeaderSize: 16 * 2 ** 10, requireHostHeader: false },
    frameworkErrors: onFrameworkError,
    clientErrorHandler(error, socket) {
      const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      if (socket.writable) socket.end(rawProblem(status));
      else socket.destroy();
    },
  }).withTypeProvider<ZodTypeProvider>();
  fastify.setValidatorCompiler(validatorCompiler);
  fastify.setSerializerCompiler(serializerCompiler);
  const routes: { method: string; url: string; isRefusal: boolean }[] = [];
  fastify.addHook('onRoute', ({ method, url, config: route }) => {
    for (const name of [method].flat()) routes.push({ method: name, url, isRefusal: route?.isRefusal === true });
  });
  const now = () => new Date();
  let isDraining = false;
  const warnOnce = createWarnOnce((message, error) => log.warn({ err: error }, message));

  if (config.migrate) await migrate({ url: config.databaseDirectUrl ?? config.databaseUrl, log: (line) => log.info(line) });

  // Connections
  const isPooled = config.databaseDirectUrl === undefined ? await isPooler(config.databaseUrl) : config.databaseDirectUrl !== config.databaseUrl;
  const db = createDatabase({
    ...{ url: config.databaseUrl, max: config.databasePool, isPooled },
    onConnectionLost: warnOnce('a database connection was lost'),
  });
  fastify.addHook('onClose', () => db.close());
  const catalogId = await awaitCatalogId(db).catch(async (error: unknown) => {
    await fastify.close();
    throw isAppError(error)
      ? error
      : new Error('The database has no catalog yet: run `npm run migrate` first, or start with MIGRATE=true', { cause: error });
  });
  if (isPooled) {
    await requireUtc(db).catch(async (error: unknown) => {
      await fastify.close();
      throw error;
    });
  }
  const watch = createDatabaseWatch(db);
  await fastify.register(redisPlugin, { url: config.redisUrl, onError: warnOnce('Redis cannot be reached; reads go on from Postgres') });

  // Cache
  const priceWrites = createPriceWriteLog();
  const reads = createProductReads(db);
  const writes = createProductWrites(db, catalogId);
  const cache = createCache({
    source: reads,
    redis: config.redisUrl === undefined ? null : fastify.redis,
    catalogId,
    memoryBytes: config.memoryCacheBytes,
    truth: {
      leaseMs: config.leaseMs,
      open: createOpenSession({ url: config.databaseDirectUrl ?? config.databaseUrl, catalogId, answerMs: (config.leaseMs ?? 2000) / 2 }),
      steps: createWriteSteps(db, catalogId),
      errors: writeErrors,
      isLost: config.isLastKnownServed ? (error) => isAppError(error) && error.code === 'database_unavailable' : null,
      onFault: warnOnce('The connection that keeps prices true was lost; reads ask Postgres until it is back'),
      onStale: (read) =>
        log.error({ read, priceWrites: priceWrites.list() }, 'STALE READ: memory has answered with a version that is not the one that stands'),
    },
    overload: () => new AppError('busy', 'Too many reads are waiting for the database'),
    timeout: () => new AppError('database_unavailable', 'The database did not answer in time'),
    onRedisChange: (isUp) => log.warn(isUp ? 'Redis is back' : 'Redis does not answer; reads go on from Postgres'),
  });
  fastify.addHook('onClose', () => cache.close());
  await cache.start();

  // Services
  const { defaultCurrency } = config;
  const products = createProductService({ documents: cache.documents, defaultCurrency, shape: policies.productDetail.shape });
  const listings = createListingService({
    cache,
    listings: createListingReads(db),
    cursors: createCursors(createHash('sha256').update(`cursor:${catalogId}`).digest('hex')),
    parameterKey,
    defaultCurrency,
    shape: policies.productListing.shape,
  });
  const categories = createCategoryService({ categories: createCategoryReads(db), cache });
  const inventory = createInventoryService({ inventory: createInventoryReads(db), writes, cache });
  const quotes = createQuoteService({ quotes: createQuoteReads(db) });
  const productAdmin = createProductAdminService({ reads, writes, cache, defaultCurrency, now });
  const prices = createPriceService({ reads, writes, cache, log: priceWrites, now });
  const variants = createVariantSearch({ reads, defaultCurrency });
  const imports = createImportRunner({
    pickImporter,
    imports: createImportService({ reads, writes, cache, now, frugally: withFrugalHeap }),
    jobs: createImportJobs(db),
    onError: (error, job) => log.error({ err: error, job }, 'an import broke off'),
  });
  fastify.addHook('preClose', () => imports.close());

  async function health(): Promise<Health> {
    const isUp = await watch.isUp();
    const status = isDraining ? 'draining' : isUp ? 'ready' : 'unavailable';
    const { redis, lease } = cache.report();
    return { status, postgres: isUp ? 'up' : 'down', redis, lease: lease.state };
  }

  // A connection that cannot be taken (no file descriptor is left) is that client's loss alone; without a listener it would end the process.
  const onListenFault = warnOnce('a connection could not be taken: too many are open for this process (see ulimit -n)');
  fastify.addHook('onListen', async () => void fastify.server.on('error', onListenFault));
  // While draining, connections end with their next answer, so that nobody has just sent a request into one when the door closes.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isDraining) reply.header('connection', 'close');
    done(null, payload);
  });

  // What every route shares
  await fastify.register(requestIdPlugin);
  await fastify.register(cacheControlPlugin);
  await fastify.register(problemPlugin, { log });
  await fastify.register(strictRequestPlugin);
  await fastify.register(jsonBodyPlugin);
  await fastify.register(authPlugin, { adminApiKey: config.adminApiKey });
  await fastify.register(unsupportedHeadersPlugin);
  const others = refuseOtherMethods(fastify);
  await fastify.register(openapiPlugin, { version: '0.1.0' });

  // Routes
  await fastify.register(healthRoutes, { health });
  await fastify.register(productRoutes, { products, listings });
  await fastify.register(categoryRoutes, { categories });
  await fastify.register(inventoryRoutes, { inventory });
  await fastify.register(quoteRoutes, { quotes });
  await fastify.register(adminProductRoutes, { products: productAdmin, shape: policies.productDetail.shape });
  await fastify.register(adminVariantRoutes, { prices, priceWrites, inventory, variants });
  await fastify.register(adminImportRoutes, { imports, defaultCurrency });
  await fastify.register(adminCacheRoutes, { report: cache.report });
  await fastify.register(demoImageRoutes);
  others.finish();
  serveFirst(fastify.server, createProductHits({ products, requestIdOf, isOpen: () => !isDraining }));

  return {
    fastify: fastify as unknown as FastifyInstance,
    log,
    cache,
    routes,
    drain: () => {
      isDraining = true;
    },
  };
}

/** A warning that would repeat with every reconnect is said once a minute. */
function createWarnOnce(warn: (message: string, error: Error) => void) {
  return (message: string) => {
    let saidAt = Number.NEGATIVE_INFINITY;
    return (error: Error) => {
      if (performance.now() - saidAt < 60_000) return;
      saidAt = performance.now();
      warn(message, error);
    };
  };
}
