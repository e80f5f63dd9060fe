import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';

const compose = readFileSync('docker-compose.yml', 'utf8');
const settings = Object.keys(parseEnv(readFileSync('.env.example', 'utf8')));
const services = [...(compose.split(/^services:$/m)[1]?.split(/^volumes:$/m)[0] ?? '').matchAll(/^ {2}([\w-]+):$/gm)].map(([, name]) => name);

describe('docker-compose.yml', () => {
  it('is valid, with nothing for the linter to say', () => {
    const { status, stdout } = spawnSync('node_modules/.bin/dclint', ['--max-warnings', '0', 'docker-compose.yml'], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stdout.trim()).toBe('');
    expect(status).toBe(0);
  });

  it('gives the service settings that it knows, and asks .env for no others', () => {
    const environment = /^x-environment: &environment\n([\s\S]*?)\n\n/m.exec(compose)?.[1] ?? '';
    const given = [...environment.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, key]) => key);
    const asked = [...compose.matchAll(/\$\{(\w+)/g)].map(([, key]) => key);
    expect(given).toContain('DATABASE_URL');
    expect(settings).toEqual(expect.arrayContaining([...given, ...asked]));
  });

  it('has an admin key to begin with that the service takes', () => {
    expect(/\$\{ADMIN_API_KEY:-(.+)\}/.exec(compose)?.[1]?.length).toBeGreaterThanOrEqual(32);
  });

  it('runs commands that the build makes', () => {
    const commands = [...compose.matchAll(/dist\/(\S+)\.js/g)].map(([, name]) => name);
    expect(commands).toEqual(['cli/seed', 'cli/migrate']);
    for (const name of commands) expect(existsSync(`src/${name}.ts`)).toBe(true);
  });

  it('believes the proxy, which tells the client’s address and not what the client says of it', () => {
    expect(compose).toMatch(/TRUSTED_PROXIES: uniquelocal\n/);
    const proxy = readFileSync('deploy/nginx.conf', 'utf8');
    expect(proxy.match(/X-Forwarded-For .+/g)).toEqual(['X-Forwarded-For $remote_addr;']);
  });

  it('puts a proxy in front of both instances, on the port that it publishes', () => {
    const proxy = readFileSync('deploy/nginx.conf', 'utf8');
    const upstream = [...proxy.matchAll(/^\s+server ([\w-]+):3000/gm)].map(([, name]) => name);
    expect(upstream).toEqual(services.filter((name) => name?.startsWith('api-')));
    expect(upstream).toHaveLength(2);
    expect(compose).toContain(`:${/listen (\d+);/.exec(proxy)?.[1]}'`);
    expect(proxy).not.toMatch(/proxy_cache/);
  });
});
