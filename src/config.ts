import { Environment } from './config/environment.js';
import { defaultMemoryCacheBytes, memoryLimitBytes } from './config/memory-limit.js';
import { readSecrets } from './config/secret-files.js';
import { jwtFaults, jwtOf, type TokenIssuer } from './config/token-issuer.js';

export interface Config {
  host: string;
  port: number;
  /** Unset only under `npm start`, which then brings its own Postgres, and in the command-line tools, which look for a running one. */
  databaseUrl: string | undefined;
  databaseDirectUrl: string | undefined;
  databasePool: number;
  redisUrl: string | undefined;
  defaultCurrency: string;
  migrate: boolean;
  adminApiKey: string | undefined;
  /** How often one address may be wrong about a key. */
  wrongKeysPerMinute: number;
  /** Whose tokens are taken beside keys; null: nobody's. */
  jwt: TokenIssuer | null;
  dataDir: string;
  /** Undefined: the entry decides (true with the embedded Postgres, false otherwise). */
  seedDemo: boolean | undefined;
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** What this process may use. */
  memoryLimitBytes: number;
  memoryCacheBytes: number;
  /** How long memory answers after each word from Postgres; null (PRICE_READS=validate): Postgres is asked on every read. */
  leaseMs: number | null;
  /** Whether the last known price, marked as such, is better than none where Postgres does not answer. */
  isLastKnownServed: boolean;
  shutdownGraceMs: number;
  /** Whose word about the client's address is taken; empty: nobody's. */
  trustedProxies: readonly string[];
  /** Origins whose pages may read answers; empty: none. */
  corsOrigins: readonly string[];
  /** Seconds for which a browser may only come by TLS; 0: not said. */
  hstsMaxAgeS: number;
  /** Requests of one admin key in a minute; 0: no limit. */
  adminPerMinute: number;
  /** Requests of one address to the storefront in a minute; 0: no limit. */
  storefrontPerMinute: number;
  /** Requests of one admin key that may be under way at once; 0: any number. */
  maxUnderWayPerKey: number;
  maxConnections: number;
  /** How long a JSON body may take to arrive. */
  bodyTimeoutMs: number;
  /** How late the event loop may be, for seconds on end, before the first requests are turned away; 0: none ever are. */
  shedDelayMs: number;
  /** How many may wait for a connection to read with, for seconds on end, before some are turned away; 0: any number. */
  shedWaiting: number;
  /** Where Prometheus finds /metrics; undefined: nowhere. */
  metrics: { host: string; port: number } | undefined;
  /** Where traces are sent; undefined: there are none. */
  traces: { endpoint: string; headers: Record<string, string>; service: string; ratio: number } | undefined;
}

/** The environment cannot be used. `message` has one readable line per fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration from an environment. An empty value counts as unset. Secrets in files are read here and never again.
 * @throws ConfigError with one line per fault, naming the key and never the value of a secret
 */
export function loadConfig(environment: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
  const { contents, faults } = readSecrets(given);
  const parsed = Environment.safeParse({ ...given, ...contents });
  const told = (key: string) => (key in contents ? `${key}_FILE` : key);
  faults.push(...(parsed.error?.issues.map((issue) => `${told(issue.path.join('.'))}: ${issue.message}`) ?? []), ...jwtFaults(given));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults.join('\n'));
  const env = parsed.data;
  const limitBytes = memoryLimitBytes();
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    databaseDirectUrl: env.DATABASE_DIRECT_URL,
    databasePool: env.DATABASE_POOL,
    redisUrl: env.REDIS_URL,
    defaultCurrency: env.DEFAULT_CURRENCY,
    migrate: env.MIGRATE,
    adminApiKey: env.ADMIN_API_KEY,
    wrongKeysPerMinute: env.WRONG_KEYS_PER_MINUTE,
    jwt: jwtOf(env),
    dataDir: env.DATA_DIR,
    seedDemo: env.SEED_DEMO,
    logLevel: env.LOG_LEVEL,
    memoryLimitBytes: limitBytes,
    memoryCacheBytes: env.MEMORY_CACHE_MB === undefined ? defaultMemoryCacheBytes(limitBytes) : env.MEMORY_CACHE_MB * 2 ** 20,
    leaseMs: env.PRICE_READS === 'lease' ? env.LEASE_MS : null,
    isLastKnownServed: env.PRICE_WHEN_DATABASE_LOST === 'last-known',
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    trustedProxies: env.TRUSTED_PROXIES,
    corsOrigins: env.CORS_ORIGINS,
    hstsMaxAgeS: env.HSTS_MAX_AGE_S,
    adminPerMinute: env.RATE_LIMIT_ADMIN,
    storefrontPerMinute: env.RATE_LIMIT_STOREFRONT,
    maxUnderWayPerKey: env.MAX_UNDER_WAY_PER_KEY,
    maxConnections: env.MAX_CONNECTIONS,
    bodyTimeoutMs: env.BODY_TIMEOUT_MS,
    shedDelayMs: env.SHED_DELAY_MS,
    shedWaiting: env.SHED_WAITING,
    metrics: env.METRICS_PORT === undefined ? undefined : { host: env.METRICS_HOST, port: env.METRICS_PORT },
    traces:
      env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : {
            endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
            headers: env.OTEL_EXPORTER_OTLP_HEADERS,
            service: env.OTEL_SERVICE_NAME,
            ratio: env.OTEL_TRACES_SAMPLER_ARG,
          },
  };
}
