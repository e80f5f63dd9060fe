import currencyCodes from 'currency-codes';
import { z } from 'zod';
import { flag, headers, isNetwork, isOrigin, list, namesSomebody, url, whole } from './kinds.js';

/** Every setting there is, key by key, as `.env.example` tells it. */
export const Environment = z.object({
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
  MAX_UNDER_WAY_PER_KEY: whole(0, 10_000).default(200),
  MAX_CONNECTIONS: whole(1, 1_000_000).default(4096),
  BODY_TIMEOUT_MS: whole(100, 300_000).default(15_000),
  SHED_DELAY_MS: whole(0, 60_000).default(250),
  SHED_WAITING: whole(0, 10_000).default(50),
  METRICS_PORT: whole(0, 65535).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:')
    .refine(
      (value) => !URL.canParse(value) || (!namesSomebody(value) && !/[?#]/.test(value)),
      'must be the plain address of a collector: keys go into OTEL_EXPORTER_OTLP_HEADERS',
    )
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers.default({}),
  OTEL_EXPORTER_OTLP_HEADERS_FILE: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().default('truetag'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^\d{0,3}(?:\.\d{1,20})?$/, 'must be a number from 0 to 1')
    .transform(Number)
    .pipe(z.number().max(1, 'must be a number from 0 to 1'))
    .default(0.001),
});

export type Environment = z.infer<typeof Environment>;
