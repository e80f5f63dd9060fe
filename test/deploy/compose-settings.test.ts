import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Config, loadConfig } from '../../src/config.js';

type Settings = Record<string, string | undefined>;

interface Stack {
  services: Record<string, { environment?: Settings; env_file?: string[]; secrets?: string[]; stop_grace_period?: string }>;
  secrets: Record<string, { file: string }>;
}

const compose = readFileSync('docker-compose.yml', 'utf8');
const example: Settings = parseEnv(readFileSync('.env.example', 'utf8'));
/** What the file says at its top that .env does not decide, each with the reason. */
const decided = [...compose.matchAll(/^# - ((?:[A-Z_]+(?:, )?)+): (.+)$/gm)].flatMap(([, keys = '', why]) =>
  keys.split(', ').map((key) => ({ key, why })),
);
const key = 'a-key-that-nobody-has-published-0123456789';

/** As Compose puts values in: `${NAME:-default}` and `${NAME:+replacement}`, where an empty value counts as none. */
function filled(text: string, env: Settings): string {
  const given = text.replace(/\$\{(\w+):([-+])([^{}]*)\}/g, (_, name, kind, other) => (kind === '-' ? env[name] || other : env[name] ? other : ''));
  expect(given).not.toContain('${');
  return given;
}

const read = JSON.stringify(parse(compose, { merge: true }));
/** Values are put in once the file has been read, so that an empty one is an empty text. */
const stackWith = (env: Settings) => JSON.parse(read, (_, value) => (typeof value === 'string' ? filled(value, env) : value)) as Stack;

/** What one container is started with: what its files say, and before that what stands in `environment`. */
function environmentOf(service: string, env: Settings = {}): Settings {
  const { env_file: files = [], environment } = stackWith(env).services[service] ?? {};
  const fromFiles = files.map((file) => parseEnv(filled(readFileSync(file, 'utf8'), env)));
  return Object.assign({}, ...fromFiles, environment);
}

/** What an instance makes of it, with the secret where its container would have it. */
function configOf(env: Settings): Config {
  const given = environmentOf('api-1', env);
  const isOfSecret = given.ADMIN_API_KEY_FILE === '/run/secrets/admin-key';
  return loadConfig({ ...given, ...(isOfSecret ? { ADMIN_API_KEY_FILE: stackWith(env).secrets['admin-key']?.file } : {}) });
}

describe('a setting of .env.example', () => {
  const keys = Object.keys(example).filter((name) => !name.startsWith('ADMIN_API_KEY'));

  it('is passed to both instances, or is one of those that the stack says it decides, with the reason', () => {
    const passed = keys.filter((name) => ['api-1', 'api-2'].every((service) => environmentOf(service, { [name]: '4711' })[name] === '4711'));
    expect([...passed, ...decided.map(({ key: name }) => name)].sort()).toEqual([...keys].sort());
    for (const { key: name, why } of decided) expect(why, name).toMatch(/\S{3}/);
  });

  it('is not taken from .env where the stack decides it', () => {
    for (const { key: name } of decided) expect(environmentOf('api-1', { [name]: '4711' }), name).toEqual(environmentOf('api-1'));
  });

  it('reaches what migrates and what loads the demo catalog as well, but for the admin key', () => {
    for (const service of ['demo', 'migrate']) {
      const { ADMIN_API_KEY, ADMIN_API_KEY_FILE, ...rest } = environmentOf('api-1', { LEASE_MS: '500', ADMIN_API_KEY: key });
      expect(ADMIN_API_KEY).toBe(key);
      expect(environmentOf(service, { LEASE_MS: '500', ADMIN_API_KEY: key })).toEqual(rest);
      expect(stackWith({}).services[service]?.secrets).toBeUndefined();
    }
  });

  it('is a default: the stack is the same with .env.example as .env as without one', () => {
    expect(configOf(example)).toEqual(configOf({}));
    // But for what the stack decides, it is what a service with no settings at all has.
    const { databaseUrl, redisUrl, migrate, metrics, trustedProxies, adminApiKey, ...others } = configOf({});
    expect(loadConfig({})).toMatchObject(others);
  });

  it('that lengthens a drain lengthens the time that the container is given for it', () => {
    expect(stackWith({}).services['api-1']?.stop_grace_period).toBe('5s10000ms');
    expect(stackWith({ SHUTDOWN_GRACE_MS: '60000' }).services['api-2']?.stop_grace_period).toBe('5s60000ms');
  });
});

describe('the admin key of the stack', () => {
  it('is the published one where nobody has set another', () => {
    expect(configOf({}).adminApiKey).toMatch(/^local-stack-only/);
  });

  it('is ADMIN_API_KEY where that is set', () => {
    expect(configOf({ ADMIN_API_KEY: key }).adminApiKey).toBe(key);
  });

  it('is what the file holds that ADMIN_API_KEY_FILE names, which the instances have as a secret', () => {
    const env = { ADMIN_API_KEY_FILE: './keys/mine' };
    expect(stackWith(env).secrets['admin-key']?.file).toBe('./keys/mine');
    expect(stackWith(env).services['api-1']?.secrets).toEqual(['admin-key']);
    expect(environmentOf('api-1', env)).toMatchObject({ ADMIN_API_KEY: '', ADMIN_API_KEY_FILE: '/run/secrets/admin-key' });
  });

  it('is not guessed where both are set: the instances do not start', () => {
    expect(() => configOf({ ADMIN_API_KEY: key, ADMIN_API_KEY_FILE: './keys/mine' })).toThrow(/^ADMIN_API_KEY_FILE: ADMIN_API_KEY is set as well/);
  });

  it('is refused where it is bad, and not replaced by the published one', () => {
    expect(() => configOf({ ADMIN_API_KEY: 'short' })).toThrow(/^ADMIN_API_KEY: must have at least 32 characters/);
  });
});
