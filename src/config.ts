import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { totalmem } from 'node:os';
import currencyCodes from 'currency-codes';
import { z } from 'zod';

const flag = (byDefault: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .default(byDefault ? 'true' : 'false')
    .transform((value) => value === 'true');
const whole = (min: number, max: number) => z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(min).max(max));
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    );
const list = (isEntry: (entry: string) => boolean, message: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every(isEntry), message)
    .default([]);

const Environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65535).default(3000),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_URL_FILE: z.string().optional(),
  DATABASE_DIRECT_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_DIRECT_URL_FILE: z.string().optional(),
  DATABASE_POOL: whole(2, 200).default(10),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  REDIS_URL_FILE: z.string().optional(),
  DEFAULT_CURRENCY: z
    .string()
    .refine((value) => /^[A-Z]{3}$/.test(value) && currencyCodes.code(value) !== undefined, 'must be an ISO 4217 code such as USD')
    .default('USD'),
  MIGRATE: flag(true),
  ADMIN_API_KEY: z
    .string()
    .min(32, 'must have at least 32 characters')
    .regex(/^[\x21-\x7e]*$/, 'must consist of printable ASCII characters, without spaces, to travel in a header')
    .optional(),
  ADMIN_API_KEY_FILE: z.string().optional(),
  WRONG_KEYS_PER_MINUTE: whole(1, 10_000).default(10),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_JWKS_URL: url('https:', 'http:').optional(),
  DATA_DIR: z.string().default('.data'),
  SEED_DEMO: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  MEMORY_CACHE_MB: whole(1, 65536).optional(),
  PRICE_READS: z.enum(['lease', 'validate'], 'must be lease or validate').default('lease'),
  LEASE_MS: whole(200, 5000).default(2000),
  PRICE_WHEN_DATABASE_LOST: z.enum(['refuse', 'last-known'], 'must be refuse or last-known').default('refuse'),
  SHUTDOWN_GRACE_MS: whole(0, 600_000).default(10_000),
  TRUSTED_PROXIES: list(isNetwork, 'must be addresses or networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas'),
  CORS_ORIGINS: list(isOrigin, 'must be origins such as https://shop.example, separated by commas, or *'),
  HSTS_MAX_AGE_S: whole(0, 63_072_000).default(0),
  RATE_LIMIT_ADMIN: whole(0, 1_000_000).default(60_000),
  RATE_LIMIT_STOREFRONT: whole(0, 1_000_000).default(0),
  MAX_CONNECTIONS: whole(1, 1_000_000).default(4096),
  BODY_TIMEOUT_MS: whole(100, 300_000).default(15_000),
  SHED_DELAY_MS: whole(0, 60_000).default(250),
  METRICS_PORT: whole(0, 65535).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:').optional(),
  OTEL_SERVICE_NAME: z.string().default('truetag'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^\d{0,3}(?:\.\d{1,20})?$/, 'must be a number from 0 to 1')
    .transform(Number)
    .pipe(z.number().max(1, 'must be a number from 0 to 1'))
    .default(0.001),
});

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
  jwt: { issuer: string; audience: string; jwksUrl: string } | null;
  dataDir: string;
  /** Undefined: the entry decides (true with the embedded Postgres, false otherwise). */
  seedDemo: boolean | undefined;
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
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
  maxConnections: number;
  /** How long a JSON body may take to arrive. */
  bodyTimeoutMs: number;
  /** How late the event loop may be, for seconds on end, before the first requests are turned away; 0: none ever are. */
  shedDelayMs: number;
  /** Where Prometheus finds /metrics; undefined: nowhere. */
  metrics: { host: string; port: number } | undefined;
  /** Where traces are sent; undefined: there are none. */
  traces: { endpoint: string; service: string; ratio: number } | undefined;
}

/** The environment cannot be used. `message` has one readable line per fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What may come as the path of a file instead, `<KEY>_FILE`: that is how Docker and Kubernetes hand over secrets. */
const secrets = ['ADMIN_API_KEY', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL'] as const;
const maxSecretBytes = 8192;

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
    memoryCacheBytes: env.MEMORY_CACHE_MB === undefined ? defaultMemoryCacheBytes() : env.MEMORY_CACHE_MB * 2 ** 20,
    leaseMs: env.PRICE_READS === 'lease' ? env.LEASE_MS : null,
    isLastKnownServed: env.PRICE_WHEN_DATABASE_LOST === 'last-known',
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    trustedProxies: env.TRUSTED_PROXIES,
    corsOrigins: env.CORS_ORIGINS,
    hstsMaxAgeS: env.HSTS_MAX_AGE_S,
    adminPerMinute: env.RATE_LIMIT_ADMIN,
    storefrontPerMinute: env.RATE_LIMIT_STOREFRONT,
    maxConnections: env.MAX_CONNECTIONS,
    bodyTimeoutMs: env.BODY_TIMEOUT_MS,
    shedDelayMs: env.SHED_DELAY_MS,
    metrics: env.METRICS_PORT === undefined ? undefined : { host: env.METRICS_HOST, port: env.METRICS_PORT },
    traces:
      env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, service: env.OTEL_SERVICE_NAME, ratio: env.OTEL_TRACES_SAMPLER_ARG },
  };
}

/** What one of these settings says only together with the others. */
function jwtFaults({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Record<string, string | undefined>): string[] {
  const faults: string[] = [];
  if (JWT_ISSUER !== undefined && JWT_AUDIENCE === undefined)
    faults.push('JWT_AUDIENCE: must be set with JWT_ISSUER, or tokens that are meant for other services would be taken');
  if (JWT_ISSUER === undefined) {
    if (JWT_AUDIENCE !== undefined) faults.push('JWT_AUDIENCE: says nothing without JWT_ISSUER');
    if (JWT_JWKS_URL !== undefined) faults.push('JWT_JWKS_URL: says nothing without JWT_ISSUER');
    return faults;
  }
  const keys = JWT_JWKS_URL ?? jwksUrlOf(JWT_ISSUER);
  const name = JWT_JWKS_URL === undefined ? 'JWT_ISSUER' : 'JWT_JWKS_URL';
  if (!URL.canParse(keys)) faults.push(`${name}: must be a URL; where the issuer has none, set JWT_JWKS_URL`);
  else if (new URL(keys).protocol !== 'https:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(keys).hostname))
    faults.push(`${name}: must begin with https://, or whoever sits in between could put keys of their own there`);
  return faults;
}

function jwtOf(env: z.infer<typeof Environment>): Config['jwt'] {
  if (env.JWT_ISSUER === undefined || env.JWT_AUDIENCE === undefined) return null;
  return { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE, jwksUrl: env.JWT_JWKS_URL ?? jwksUrlOf(env.JWT_ISSUER) };
}

const jwksUrlOf = (issuer: string) => `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`;

function isNetwork(entry: string): boolean {
  const [address = '', length, ...more] = entry.split('/');
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return true;
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
  if (bits === 0 || more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) >= 1 && Number(length) <= bits);
}

function isOrigin(entry: string): boolean {
  return entry === '*' || (/^https?:/.test(entry) && URL.canParse(entry) && new URL(entry).origin === entry);
}

/** The contents by key, and a line for each file that cannot be used. */
function readSecrets(given: Record<string, string | undefined>): { contents: Record<string, string>; faults: string[] } {
  const contents: Record<string, string> = {};
  const faults: string[] = [];
  for (const key of secrets) {
    const path = given[`${key}_FILE`];
    if (path === undefined) continue;
    if (given[key] !== undefined) faults.push(`${key}_FILE: ${key} is set as well; set one of the two`);
    else {
      const { text, fault } = readSecret(path);
      if (text === undefined) faults.push(`${key}_FILE: ${fault}`);
      else contents[key] = text;
    }
  }
  return { contents, faults };
}

/** The path is not repeated in a fault: it may be the secret itself, by mistake. Only regular files, since a pipe could keep the start waiting. */
function readSecret(path: string): { text?: string; fault?: string } {
  try {
    const entry = statSync(path);
    if (!entry.isFile()) return { fault: 'must name a regular file' };
    if (entry.size > maxSecretBytes) return { fault: `the file must have at most ${maxSecretBytes} bytes` };
    const text = readFileSync(path, 'utf8').trimEnd();
    return text === '' ? { fault: 'the file is empty' } : { text };
  } catch (error) {
    return { fault: `the file cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})` };
  }
}

/** A quarter of what the process may use, the container's limit included, and at most 256 MiB. */
function defaultMemoryCacheBytes(): number {
  const limits = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].map(readLimit);
  return Math.min(Math.floor(Math.min(totalmem(), ...limits) / 4), 256 * 2 ** 20);
}

function readLimit(path: string): number {
  try {
    const limit = Number(readFileSync(path, 'utf8'));
    return limit > 0 ? limit : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
