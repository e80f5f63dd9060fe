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
      }),
    ).toMatchObject({
      adminApiKey: key,
      databaseUrl: 'postgres://shop:hidden@db/shop',
      databaseDirectUrl: 'postgres://shop:hidden@direct/shop',
      redisUrl: 'redis://:hidden@cache:6379',
    });
  });

  it('is none where the variable is empty', () => {
    expect(loadConfig({ ADMIN_API_KEY_FILE: '' }).adminApiKey).toBeUndefined();
  });

  it.each(['ADMIN_API_KEY', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL'])('is refused beside %s itself', (name) => {
    expect(faults({ [name]: `${'x'.repeat(40)}`, [`${name}_FILE`]: file(key) })).toContain(
      `${name}_FILE: ${name} is set as well; set one of the two`,
    );
  });

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
