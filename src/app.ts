import { createHash, randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type Logger, pino } from 'pino';
import { createAuthenticator } from './access/authenticator.js';
import { requireScope } from './access/caller.js';
import { createGuessLimit } from './access/guess-limit.js';
import { createKeyService } from './access/key-service.js';
import { type Scope, scopes } from './access/scope.js';
import { createUseNotes } from './access/use-notes.js';
import { createBreaker } from './cache/breaker.js';
import { type Cache, createCache } from './cache/cache.js';
import { withTimeout } from './cache/clock.js';
import { parameterKey } from './cache/keys.js';
import { policies, tuning } from './cache/policies.js';
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
import { createApiKeys } from './db/api-keys.js';
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
import { watchQueries } from './db/watched-query.js';
import { AppError, isAppError } from './errors.js';
import { pickImporter } from './importers/importer.js';
import { errorForLog } from './plugins/error-for-log.js';
import { everyRoutePlugin } from './plugins/every-route.js';
import { withFrugalHeap } from './plugins/frugal-heap.js';
import { refuseOtherMethods } from './plugins/method-not-allowed.js';
import { openapiPlugin } from './plugins/openapi.js';
import { refuseExpectation } from './plugins/problem.js';
import { redisPlugin } from './plugins/redis.js';
import type { SharedCounts } from './plugins/request-counter.js';
import { requestIdOf } from './plugins/request-id.js';
import { securityHeaders } from './plugins/security-headers.js';
import { serverOptions } from './plugins/server-options.js';
import { hasSecondHost, maxHeaders } from './plugins/strict-request.js';
import { createTokenVerifier } from './plugins/token-verifier.js';
import { adminCacheRoutes } from './routes/admin-cache.js';
import { adminImportRoutes } from './routes/admin-imports.js';
import { adminKeyRoutes } from './routes/admin-keys.js';
import { adminProductRoutes } from './routes/admin-products.js';
import { adminVariantRoutes } from './routes/admin-variants.js';
import { categoryRoutes } from './routes/categories.js';
import { demoImageRoutes } from './routes/demo-images.js';
import { type Health, healthRoutes } from './routes/health.js';
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
  routes: readonly { method: string; url: string; isRefusal: boolean; scope: Scope | undefined }[];
  /** Whether no key would be taken: none is set, none stands in the database, and no issuer is trusted. */
  isAdminOff(): Promise<boolean>;
  /** From now on /health/ready answers 503. */
  drain(): void;
  /** The port of the metrics, and the traces that are not sent yet. To be closed last, so that a drain can be watched. */
  sight: Pick<Sight, 'listen' | 'close'>;
}

const version = '0.1.0';

/**
 * The whole system, wired by hand in reading order: connections, cache, services, routes. Applies pending migrations first unless told not
 * to. Throws where the database cannot be reached. Closing `fastify` closes everything.
 */
export async function createApp(config: Config & { databaseUrl: string }): Promise<App> {
  const sight = await openSight({
    ...{ metrics: config.metrics, traces: config.traces, version, instance: randomUUID(), read: () => reading() },
    onScrapeError: (error) => log.error({ err: error }, 'the metrics could not be read'),
    onExportError: (error) => warnOfExport(error),
  });
  const log = pino({ level: config.logLevel, serializers: { err: errorForLog }, ...(config.traces ? { mixin: sight.logFields } : {}) });
  const headers = securityHeaders(config);
  const fastify = Fastify(
    serverOptions({ trustedProxies: config.trustedProxies, headers, onUnreadable: sight.unreadable }),
  ).withTypeProvider<ZodTypeProvider>();
  fastify.setValidatorCompiler(validatorCompiler);
  fastify.setSerializerCompiler(serializerCompiler);
  const routes: App['routes'][number][] = [];
  fastify.addHook('onRoute', ({ method, url, config: route }) => {
    for (const name of [method].flat()) routes.push({ method: name, url, isRefusal: route?.isRefusal === true, scope: route?.scope });
  });
  const now = () => new Date();
  let isDraining = false;
  const warnOnce = createWarnOnce((message, error) => log.warn({ err: error }, message));
  const warnOfExport = warnOnce('The collector does not take the traces that it is sent');

  if (config.migrate) await migrate({ url: config.databaseDirectUrl ?? config.databaseUrl, log: (line) => log.info(line) });

  // Connections
  const isPooled = config.databaseDirectUrl === undefined ? await isPooler(config.databaseUrl) : config.databaseDirectUrl !== config.databaseUrl;
  const db = createDatabase({
    ...{ url: config.databaseUrl, max: config.databasePool, isPooled },
    onConnectionLost: warnOnce('a database connection was lost'),
  });
  fastify.addHook('onClose', () => db.close());
  if (sight.onlooker) watchQueries(db.pool, sight.onlooker);
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
    sight: sight.onlooker,
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

  // Who may do what
  const apiKeys = createApiKeys(db);
  const keys = createKeyService({ keys: apiKeys, now, onChange: (change) => log.info(change, `an admin key was ${change.what}`) });
  const authenticator = createAuthenticator({
    adminApiKey: config.adminApiKey,
    keys: apiKeys,
    tokens: config.jwt && createTokenVerifier(config.jwt),
    guesses: createGuessLimit({ perMinute: config.wrongKeysPerMinute }),
    noteUse: createUseNotes({ keys: apiKeys, now, onError: warnOnce('the last use of a key could not be noted') }),
    now,
  });

  async function reading(): Promise<Reading> {
    const { status, postgres } = await health();
    const { totalCount: open, idleCount: idle, waitingCount: waiting } = db.pool;
    return {
      ...{ version, report: cache.report(), isReady: status === 'ready', isDraining, isDatabaseUp: postgres === 'up', imports: imports.counts() },
      pool: { open, idle, waiting, max: config.databasePool },
    };
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
  await sight.register(fastify as unknown as FastifyInstance);
  await fastify.register(everyRoutePlugin, {
    ...{ log, headers, limits: config },
    auth: { identify: authenticator.identify, requireScope, isScope: (name) => Object.hasOwn(scopes, name) },
    counts: config.redisUrl === undefined ? null : sharedCounts(fastify as unknown as FastifyInstance, catalogId),
    onDrop: warnOnce('A connection was closed because there are as many as may be'),
  });
  const others = refuseOtherMethods(fastify);
  await fastify.register(openapiPlugin, { version });

  // Routes
  await fastify.register(healthRoutes, { health });
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
      createProductHits({ products, requestIdOf, hasSecondHost, isOpen: () => !isDraining, headers, maxHeaders, variesByOrigin, watch: sight.hits }),
    );
  }

  return {
    fastify: fastify as unknown as FastifyInstance,
    log,
    cache,
    routes,
    isAdminOff: () => authenticator.isOff().catch(() => false),
    sight,
    drain: () => {
      isDraining = true;
    },
  };
}

/** Requests are counted in Redis under a breaker of their own: a Redis that is away never holds up more than the requests that find it so. */
function sharedCounts(fastify: FastifyInstance, catalogId: string): SharedCounts {
  const { redis } = fastify;
  const breaker = createBreaker({
    probe: () => withTimeout(redis.ping(), tuning.redisWaitMs, () => new Error('no answer')),
    everyMs: tuning.redisProbeMs,
    onStuck: () => redis.status === 'ready' && redis.disconnect(true),
  });
  fastify.addHook('onClose', async () => breaker.close());
  return { client: redis, prefix: `${catalogId}:limit`, breaker };
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
