import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.js';

function faults(environment: Record<string, string>): string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

describe('the configuration', () => {
  it('is complete where nothing is set, and takes an empty value for none', () => {
    const byDefault = loadConfig({});
    expect(byDefault).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      databaseUrl: undefined,
      redisUrl: undefined,
      defaultCurrency: 'USD',
      migrate: true,
      adminApiKey: undefined,
      wrongKeysPerMinute: 10,
      jwt: null,
      dataDir: '.data',
      seedDemo: undefined,
      leaseMs: 2000,
      isLastKnownServed: false,
      shutdownGraceMs: 10_000,
    });
    expect(byDefault.memoryCacheBytes).toBeLessThanOrEqual(256 * 2 ** 20);
    const empty = Object.fromEntries(
      [
        'HOST',
        'PORT',
        'DATABASE_URL',
        'REDIS_URL',
        'DEFAULT_CURRENCY',
        'MIGRATE',
        'ADMIN_API_KEY',
        'WRONG_KEYS_PER_MINUTE',
        'JWT_ISSUER',
        'JWT_AUDIENCE',
        'JWT_JWKS_URL',
        'SEED_DEMO',
        'MEMORY_CACHE_MB',
        'PRICE_READS',
        'LEASE_MS',
        'PRICE_WHEN_DATABASE_LOST',
      ].map((key) => [key, '']),
    );
    expect(loadConfig(empty)).toEqual(byDefault);
  });

  it('says what is set', () => {
    expect(
      loadConfig({
        PORT: '0',
        MIGRATE: 'false',
        SEED_DEMO: 'true',
        MEMORY_CACHE_MB: '3',
        PRICE_READS: 'validate',
        LEASE_MS: '500',
        PRICE_WHEN_DATABASE_LOST: 'last-known',
        DEFAULT_CURRENCY: 'OMR',
        REDIS_URL: 'rediss://r:6379/1',
      }),
    ).toMatchObject({
      port: 0,
      migrate: false,
      seedDemo: true,
      memoryCacheBytes: 3 * 2 ** 20,
      leaseMs: null,
      isLastKnownServed: true,
      defaultCurrency: 'OMR',
      redisUrl: 'rediss://r:6379/1',
    });
  });

  it.each([
    ['PORT', ['65536', '-1', '3000.5', '0x1', 'http', ' 80']],
    ['DATABASE_URL', ['localhost', 'mysql://x/y', '/tmp/sock']],
    ['REDIS_URL', ['localhost:6379', 'http://x']],
    ['DEFAULT_CURRENCY', ['usd', 'ZZZ', 'US', '$']],
    ['MIGRATE', ['1', 'yes', 'TRUE']],
    ['ADMIN_API_KEY', ['short', `${'a'.repeat(31)}`, `${'a'.repeat(32)} b`, `${'a'.repeat(32)}é`]],
    ['WRONG_KEYS_PER_MINUTE', ['0', '-1', 'ten', '10001']],
    ['LOG_LEVEL', ['verbose']],
    ['MEMORY_CACHE_MB', ['0', '1.5', '-1']],
    ['PRICE_READS', ['always']],
    ['LEASE_MS', ['0', '5001', '2s']],
    ['PRICE_WHEN_DATABASE_LOST', ['guess']],
    ['SHUTDOWN_GRACE_MS', ['10s', '-1']],
  ])('refuses a bad %s in one line that names it and does not repeat it', (key, values) => {
    for (const value of values) {
      const [fault, ...more] = faults({ [key]: value });
      expect(fault).toMatch(new RegExp(`^${key}: .{5,}`));
      expect(more.filter((line) => !line.startsWith(`${key}: `))).toEqual([]);
      if (value.length > 6) expect(fault).not.toContain(value);
    }
  });

  it('knows where the keys of an issuer of tokens are, unless it is told', () => {
    const JWT_ISSUER = 'https://issuer.test/shop/';
    const told = { JWT_ISSUER, JWT_AUDIENCE: 'truetag' };
    expect(loadConfig(told).jwt).toEqual({ issuer: JWT_ISSUER, audience: 'truetag', jwksUrl: 'https://issuer.test/shop/.well-known/jwks.json' });
    const elsewhere = 'https://keys.test/keys?v=2';
    expect(loadConfig({ ...told, JWT_ISSUER: 'shop', JWT_JWKS_URL: elsewhere }).jwt).toEqual({
      issuer: 'shop',
      audience: 'truetag',
      jwksUrl: elsewhere,
    });
    expect(loadConfig({ ...told, JWT_JWKS_URL: 'http://127.0.0.1:8080/keys' }).jwt?.jwksUrl).toBe('http://127.0.0.1:8080/keys');
  });

  it.each<[string, Record<string, string>, string]>([
    ['without an audience', { JWT_ISSUER: 'https://issuer.test' }, 'JWT_AUDIENCE'],
    ['without an issuer', { JWT_AUDIENCE: 'truetag' }, 'JWT_AUDIENCE'],
    ['of keys alone', { JWT_JWKS_URL: 'https://issuer.test/keys' }, 'JWT_JWKS_URL'],
    ['whose keys anybody in between may change', { JWT_ISSUER: 'http://issuer.test', JWT_AUDIENCE: 'truetag' }, 'JWT_ISSUER'],
    ['that only looks like this machine', { JWT_ISSUER: 'http://localhost.issuer.test', JWT_AUDIENCE: 'truetag' }, 'JWT_ISSUER'],
    ['behind the name of this machine', { JWT_ISSUER: 'http://localhost:80@issuer.test', JWT_AUDIENCE: 'truetag' }, 'JWT_ISSUER'],
    ['whose keys are nowhere', { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'truetag' }, 'JWT_ISSUER'],
    ['whose keys are no URL', { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'truetag', JWT_JWKS_URL: 'keys' }, 'JWT_JWKS_URL'],
  ])('refuses trust in an issuer %s', (_, environment, name) => {
    expect(faults(environment)[0]).toMatch(new RegExp(`^${name}: .{5,}`));
  });
});
