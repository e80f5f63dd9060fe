import { readFileSync, statSync } from 'node:fs';
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
  if (!parsed.success || faults.length > 0) {
    const told = (key: string) => (key in contents ? `${key}_FILE` : key);
    const issues = parsed.success ? [] : parsed.error.issues.map((issue) => `${told(issue.path.join('.'))}: ${issue.message}`);
    throw new ConfigError([...faults, ...issues].join('\n'));
  }
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
    dataDir: env.DATA_DIR,
    seedDemo: env.SEED_DEMO,
    logLevel: env.LOG_LEVEL,
    memoryCacheBytes: env.MEMORY_CACHE_MB === undefined ? defaultMemoryCacheBytes() : env.MEMORY_CACHE_MB * 2 ** 20,
    leaseMs: env.PRICE_READS === 'lease' ? env.LEASE_MS : null,
    isLastKnownServed: env.PRICE_WHEN_DATABASE_LOST === 'last-known',
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
  };
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
    const text = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '');
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
