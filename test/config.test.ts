import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
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
      trustedProxies: [],
      corsOrigins: [],
      hstsMaxAgeS: 0,
      adminPerMinute: 60_000,
      storefrontPerMinute: 0,
      maxUnderWayPerKey: 200,
      maxConnections: 4096,
      bodyTimeoutMs: 15_000,
      shedDelayMs: 250,
      shedWaiting: 50,
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
        'TRUSTED_PROXIES',
        'CORS_ORIGINS',
        'RATE_LIMIT_ADMIN',
        'RATE_LIMIT_STOREFRONT',
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
        TRUSTED_PROXIES: '10.0.0.0/8, ::1,uniquelocal',
        CORS_ORIGINS: 'https://shop.example, http://localhost:8080',
        RATE_LIMIT_ADMIN: '0',
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
      trustedProxies: ['10.0.0.0/8', '::1', 'uniquelocal'],
      corsOrigins: ['https://shop.example', 'http://localhost:8080'],
      adminPerMinute: 0,
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
    ['TRUSTED_PROXIES', ['proxy', '10.0.0', '10.0.0.0/33', '::1/129', '0.0.0.0/0', '10.0.0.0/8/8', '10.0.0.1,', 'true', '*', '1']],
    ['CORS_ORIGINS', ['a.example', 'https://a.example/', 'https://a.example/path', 'ftp://x', 'null', 'https://a.example,', 'HTTPS://A.EXAMPLE']],
    ['HSTS_MAX_AGE_S', ['1y', '-1', '99999999']],
    ['RATE_LIMIT_ADMIN', ['-1', 'off', '1.5']],
    ['RATE_LIMIT_STOREFRONT', ['-1', 'none']],
    ['MAX_UNDER_WAY_PER_KEY', ['-1', 'few', '10001']],
    ['MAX_CONNECTIONS', ['0', 'many']],
    ['BODY_TIMEOUT_MS', ['0', '15s', '300001']],
    ['SHED_DELAY_MS', ['-1', 'off']],
    ['SHED_WAITING', ['-1', 'all', '10001']],
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
    [
      'whose keys have a password',
      { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'truetag', JWT_JWKS_URL: 'https://user:secret-of-keys@issuer.test/keys' },
      'JWT_JWKS_URL',
    ],
    ['that has a password', { JWT_ISSUER: 'https://user:secret-of-keys@issuer.test', JWT_AUDIENCE: 'truetag' }, 'JWT_ISSUER'],
    ['whose keys are no URL', { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'truetag', JWT_JWKS_URL: 'keys' }, 'JWT_JWKS_URL'],
  ])('refuses trust in an issuer %s', (_, environment, name) => {
    expect(faults(environment)[0]).toMatch(new RegExp(`^${name}: .{5,}`));
    expect(faults(environment).join()).not.toContain('secret-of-keys');
  });

  it.each(['http://user:secret@collector:4318', 'http://collector:4318?key=1', 'http://collector:4318#x', 'grpc://collector'])(
    'refuses %s as a collector',
    (endpoint) => {
      const said = faults({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
      expect(said[0]).toMatch(/^OTEL_EXPORTER_OTLP_ENDPOINT: must be /);
      expect(said.join()).not.toContain('secret');
    },
  );
});

describe('the headers that go to the collector', () => {
  const read = (headers: string) =>
    loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_EXPORTER_OTLP_HEADERS: headers }).traces?.headers;

  it.each([
    ['authorization=Bearer%20abc', { authorization: 'Bearer abc' }],
    [' authorization = Basic dXNlcjprZXk= , x-team=shop', { authorization: 'Basic dXNlcjprZXk=', 'x-team': 'shop' }],
    ['x-empty=,', { 'x-empty': '' }],
  ])('are read from %s', (text, headers) => {
    expect(read(text)).toEqual(headers);
  });

  it.each(['hidden', '=hidden', 'x-key=1,hidden', 'x key=hidden', 'x-key=hidden%', 'x-key=hidden%0d%0ax-more=1', 'x-key=hidden%c3%a9'])(
    'are refused where they are %s',
    (text) => {
      expect(faults({ OTEL_EXPORTER_OTLP_HEADERS: text })).toEqual([expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS: must be name=value pairs/)]);
      expect(faults({ OTEL_EXPORTER_OTLP_HEADERS: text }).join()).not.toContain('hidden');
    },
  );
});

describe('a secret in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (text: string) => {
    const path = join(folder, String(Math.random()));
    writeFileSync(path, text);
    return path;
  };
  const key = 'k'.repeat(40);

  it('counts as if it were set, without the newline at its end', () => {
    expect(
      loadConfig({
        ADMIN_API_KEY_FILE: file(`${key}\n`),
        DATABASE_URL_FILE: file('postgres://shop:hidden@db/shop\r\n'),
        DATABASE_DIRECT_URL_FILE: file('postgres://shop:hidden@direct/shop'),
        REDIS_URL_FILE: file('redis://:hidden@cache:6379\n'),
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
        OTEL_EXPORTER_OTLP_HEADERS_FILE: file('authorization=Bearer%20hidden\n'),
      }),
    ).toMatchObject({
      adminApiKey: key,
      databaseUrl: 'postgres://shop:hidden@db/shop',
      databaseDirectUrl: 'postgres://shop:hidden@direct/shop',
      redisUrl: 'redis://:hidden@cache:6379',
      traces: { headers: { authorization: 'Bearer hidden' } },
    });
  });

  it('is none where the variable is empty', () => {
    expect(loadConfig({ ADMIN_API_KEY_FILE: '' }).adminApiKey).toBeUndefined();
  });

  it.each(['ADMIN_API_KEY', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL', 'OTEL_EXPORTER_OTLP_HEADERS'])(
    'is refused beside %s itself',
    (name) => {
      expect(faults({ [name]: `${'x'.repeat(40)}`, [`${name}_FILE`]: file(key) })).toContain(
        `${name}_FILE: ${name} is set as well; set one of the two`,
      );
    },
  );

  it('is refused in one line that shows neither the path nor what stands in the file', () => {
    const unreadable: [string, RegExp][] = [
      [join(folder, 'hidden-is-not-there'), /cannot be read \(ENOENT\)$/],
      [folder, /regular file$/],
      ['/dev/zero', /regular file$/],
      [file(''), /is empty$/],
      [file('\n'), /is empty$/],
      [file('hidden '.repeat(2000)), /at most 8192 bytes$/],
      [file('too-short-hidden\n'), /at least 32 characters$/],
      [file(`${'hidden'.repeat(8)}\n${'x'.repeat(8)}`), /printable ASCII/],
    ];
    for (const [path, said] of unreadable) {
      const [fault, ...more] = faults({ ADMIN_API_KEY_FILE: path });
      expect(fault).toMatch(/^ADMIN_API_KEY_FILE: /);
      expect(fault).toMatch(said);
      expect(more).toEqual([]);
      expect(fault).not.toMatch(/hidden|truetag-secrets/);
    }
  });

  it('tells its faults beside those of the other settings', () => {
    expect(faults({ ADMIN_API_KEY_FILE: folder, PORT: 'x' })).toEqual([expect.stringMatching(/^ADMIN_API_KEY_FILE/), expect.stringMatching(/^PORT/)]);
  });
});
