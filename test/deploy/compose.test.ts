import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';

const compose = readFileSync('docker-compose.yml', 'utf8');
const settings = Object.keys(parseEnv(readFileSync('.env.example', 'utf8')));
const services = [...(compose.split(/^services:$/m)[1]?.split(/^volumes:$/m)[0] ?? '').matchAll(/^ {2}([\w-]+):$/gm)].map(([, name]) => name);

/** The text of one extension, or of one service, up to the next. */
const block = (name: string) => new RegExp(`^${name}: &.*\\n([\\s\\S]*?)\\n\\n`, 'm').exec(compose)?.[1] ?? '';
const service = (name: string) => new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n)+)`, 'm').exec(compose)?.[1] ?? '';

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

  it('hands over the admin key as a file, to the instances alone, with one to begin with that the service takes', () => {
    const file = /^ {2}admin-key:\n {4}file: \$\{ADMIN_API_KEY_FILE:-(.+)\}$/m.exec(compose)?.[1] ?? '';
    expect(loadConfig({ ADMIN_API_KEY_FILE: file }).adminApiKey).toMatch(/^local-stack-only/);
    expect(compose).not.toMatch(/ADMIN_API_KEY:/);
    expect(block('x-instance')).toMatch(/^ {4}ADMIN_API_KEY_FILE: \/run\/secrets\/admin-key$/m);
    expect(block('x-instance')).toMatch(/^ {2}secrets:\n {4}- admin-key$/m);
    expect(block('x-image') + block('x-environment')).not.toMatch(/admin-key|ADMIN_API_KEY/);
  });

  it('runs what it builds read-only, without a capability, within limits', () => {
    const image = block('x-image');
    expect(image).toMatch(/^ {2}read_only: true$/m);
    expect(image).toMatch(/^ {2}cap_drop:\n {4}- ALL$/m);
    expect(image).toMatch(/^ {2}security_opt:\n {4}- no-new-privileges:true$/m);
    expect(image).toMatch(/^ {4}- \/tmp:size=\d+m,mode=1777$/m);
    // Compose refuses a file in which the two ways to say it differ.
    const limits = {
      memory: /^ {8}memory: (\w+)$/m,
      pids: /^ {8}pids: (\w+)$/m,
      mem_limit: /^ {2}mem_limit: (\w+)$/m,
      pids_limit: /^ {2}pids_limit: (\w+)$/m,
    };
    const said = Object.fromEntries(Object.entries(limits).map(([name, pattern]) => [name, pattern.exec(image)?.[1]?.toLowerCase()]));
    expect(said).toEqual({ memory: '256m', mem_limit: '256m', pids: '100', pids_limit: '100' });
    for (const name of ['api-1', 'api-2']) expect(service(name)).toContain('<<: *instance');
    expect(block('x-instance')).toContain('<<: *image');
    for (const name of ['demo', 'migrate']) expect(service(name)).toContain('<<: *image');
  });

  it('bounds what it takes from others, and asks each whether it can serve', () => {
    for (const name of ['postgres', 'proxy', 'redis']) {
      expect(service(name), name).toMatch(/^ {4}mem_limit: \w+$/m);
      expect(service(name), name).toMatch(/^ {4}pids_limit: \d+$/m);
      expect(service(name), name).toMatch(/^ {4}healthcheck:$/m);
    }
    expect(service('proxy')).toContain('/health/ready');
    // Without -e, redis-cli is content with an answer that is an error.
    expect(service('redis')).toMatch(/- redis-cli\n {8}- -e\n {8}- ping$/m);
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
