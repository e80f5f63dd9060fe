import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const compose = readFileSync('docker-compose.yml', 'utf8');
const settings = Object.keys(parseEnv(readFileSync('.env.example', 'utf8')));
const services = [...(compose.split(/^services:$/m)[1]?.split(/^volumes:$/m)[0] ?? '').matchAll(/^ {2}([\w-]+):$/gm)].map(([, name]) => name);

interface Container {
  restart?: string;
  healthcheck?: object;
  environment?: Record<string, string>;
  image?: string;
  user?: string;
  cap_add?: string[];
  cap_drop?: string[];
  privileged?: boolean;
  read_only?: boolean;
  security_opt?: string[];
  cpus?: number;
  mem_limit?: string;
  pids_limit?: number;
  tmpfs?: string[];
  volumes?: string[];
  deploy?: { resources: { limits: Record<string, unknown> } };
}

/** Every service as it is once its extensions are part of it. */
const { services: containers } = parse(compose, { merge: true }) as { services: Record<string, Container> };

/** The text of one service, up to the next. */
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

  it('asks .env for settings that there are', () => {
    const asked = [...compose.matchAll(/\$\{(\w+)/g)].map(([, key]) => key);
    expect(asked).toContain('ADMIN_API_KEY');
    expect(settings).toEqual(expect.arrayContaining(asked));
  });

  it('runs every container read-only, without a capability or a way to one, within limits', () => {
    expect(Object.keys(containers)).toEqual(services.filter((name) => name !== undefined));
    for (const [name, container] of Object.entries(containers)) {
      const { cap_drop, cap_add, privileged, read_only, security_opt, cpus, mem_limit, pids_limit, tmpfs, deploy } = container;
      expect({ cap_drop, read_only, security_opt }, name).toEqual({ cap_drop: ['ALL'], read_only: true, security_opt: ['no-new-privileges:true'] });
      expect({ cap_add, privileged }, name).toEqual({ cap_add: undefined, privileged: undefined });
      expect(mem_limit, name).toMatch(/^\d+[mg]$/);
      expect(pids_limit, name).toBeGreaterThan(0);
      // An engine refuses to give more than the machine has: two are what the stack asks for.
      expect([1, 2], name).toContain(cpus ?? Number(deploy?.resources.limits.cpus));
      // Memory as well, so it has a bound, and whoever the process is may write there.
      for (const mount of tmpfs ?? []) expect(mount, name).toMatch(/^\/\S+:size=\d+m,mode=1777$/);
    }
  });

  it('begins no container as root: an image that would is told to begin as the user that it would hand over to', () => {
    const users = Object.fromEntries(Object.entries(containers).map(([name, { user, image }]) => [image?.replace(/:.*$/, '') ?? name, user]));
    // The last four have a user of their own in their image; ours is checked in image.test.ts.
    expect(users).toEqual({
      postgres: 'postgres',
      redis: 'redis',
      nginx: 'nginx',
      truetag: undefined,
      'grafana/grafana': undefined,
      'grafana/tempo': undefined,
      'prom/prometheus': undefined,
    });
  });

  it('leaves each container that cannot do without a place to write one', () => {
    const places = Object.entries(containers).map(([name, { tmpfs = [], volumes = [] }]) => [
      name,
      [...tmpfs, ...volumes.filter((volume) => !volume.endsWith(':ro'))].map((place) => /(\/[^:]*)(?::size=.*)?$/.exec(place)?.[1]),
    ]);
    expect(Object.fromEntries(places)).toEqual({
      ...Object.fromEntries(['api-1', 'api-2', 'demo', 'migrate'].map((name) => [name, ['/tmp']])),
      grafana: ['/tmp', '/var/lib/grafana'],
      postgres: ['/run/postgresql', '/tmp', '/var/lib/postgresql/data'],
      prometheus: ['/prometheus'],
      proxy: ['/run', '/var/cache/nginx'],
      redis: ['/data'],
      tempo: ['/tmp', '/var/tempo'],
    });
  });

  it('says the limits of what it builds twice, and both times the same', () => {
    for (const name of ['api-1', 'api-2', 'demo', 'migrate']) {
      const { mem_limit, pids_limit, deploy } = containers[name] as Container;
      // Compose refuses a file in which the two ways to say it differ.
      expect({ mem_limit, pids_limit }).toEqual({ mem_limit: '256m', pids_limit: 100 });
      expect(deploy?.resources.limits).toMatchObject({ memory: '256M', pids: 100 });
    }
  });

  it('asks each container that goes on running whether it can serve', () => {
    const unasked = Object.entries(containers).filter(([, { healthcheck, restart }]) => restart !== 'no' && healthcheck === undefined);
    expect(unasked.map(([name]) => name)).toEqual([]);
    for (const name of ['postgres', 'proxy', 'redis']) expect(service(name), name).toMatch(/^ {4}healthcheck:$/m);
    expect(service('proxy')).toContain('/health/ready');
    expect(service('tempo')).toContain(`127.0.0.1:${/http_listen_port: (\d+)/.exec(readFileSync('deploy/tempo.yml', 'utf8'))?.[1]}/ready`);
    // Without -e, redis-cli is content with an answer that is an error.
    expect(service('redis')).toMatch(/- redis-cli\n {8}- -e\n {8}- ping$/m);
  });

  it('has Grafana fetch nothing from the net', () => {
    const { environment = {} } = containers.grafana as Container;
    const { GF_PLUGINS_PREINSTALL_DISABLED: preinstalls, ...others } = environment;
    expect(preinstalls).toBe('true');
    expect(Object.entries(others).filter(([key]) => key.startsWith('GF_ANALYTICS_'))).toEqual(
      ['REPORTING_ENABLED', 'CHECK_FOR_UPDATES', 'CHECK_FOR_PLUGIN_UPDATES'].map((key) => [`GF_ANALYTICS_${key}`, 'false']),
    );
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
