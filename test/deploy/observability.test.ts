import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { asAdmin } from '../harness/service.js';
import type { Scrape } from '../sight/scrape.js';
import { openWatchedShop } from '../sight/watched-shop.js';
import { alerts, dashboardExpressions, panels } from './alert-rules.js';
import { metricsOf } from './promql.js';

const pages = readdirSync('docs/runbooks');
const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, { profiles?: string[]; image?: string; environment?: Record<string, string>; ports?: string[]; volumes?: string[] }>;
};

describe('what is asked of a scrape', () => {
  const shop = openWatchedShop();
  let scraped: Scrape;
  beforeAll(async () => {
    const { variants } = await shop.create('scraped');
    await shop.http.patch(`/v1/admin/variants/${variants[0]?.id}/price`).set(asAdmin).send({ currency: 'USD', amount: 1 }).expect(200);
    for (const path of ['/v1/products', '/v1/products/scraped', '/v1/categories']) await shop.http.get(path).expect(200);
    scraped = await shop.scrape();
  });

  const families = () =>
    new Set(
      [...scraped.families].flatMap(([name, { type }]) => (type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name])),
    );

  it.each(alerts.map(({ alert, expr }) => ({ alert, expr })))('is there, for the alert $alert', ({ expr }) => {
    const names = metricsOf(expr).filter((name) => name !== 'up');
    expect(names).not.toEqual([]);
    for (const name of names) expect(families()).toContain(name);
  });

  it.each(dashboardExpressions)('is there, for the panel $title: $expr', ({ expr }) => {
    const names = metricsOf(expr);
    expect(names).not.toEqual([]);
    for (const name of names) expect(families()).toContain(name);
  });

  it('stands in docs/observability.md, every metric of ours and no other, each with its labels and what it says', () => {
    const table = [...readFileSync('docs/observability.md', 'utf8').matchAll(/^\| `(truetag_\w+|price_\w+)` \| (\w+) \| ([^|]*) \| (.+) \|$/gm)];
    const documented = new Map(table.map(([, name = '', type = '', labels = '', help = '']) => [name, { type, labels, help }]));
    const ours = [...scraped.families].filter(([name]) => /^(truetag|price)_/.test(name));
    expect([...documented.keys()].sort()).toEqual(ours.map(([name]) => name).sort());
    for (const [name, { type, help }] of ours) expect(documented.get(name), name).toMatchObject({ type, help });
    for (const { name, labels } of scraped.samples) {
      const family = name.replace(/_(bucket|sum|count)$/, '');
      const known = documented.get(documented.has(name) ? name : family);
      if (known) for (const label of Object.keys(labels)) if (label !== 'le') expect(known.labels, name).toContain(`\`${label}\``);
    }
  });

  it('is named as Prometheus wants it: counters end in _total, and units are base units', () => {
    for (const [name, { type }] of scraped.families) {
      if (!/^(truetag|price)_/.test(name)) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent)(_|$)/);
    }
  });
});

describe('a metric that nobody tells', () => {
  it('is found in an expression, wherever it stands', () => {
    expect(metricsOf('sum by (le) (rate(a_bucket{x="no_metric"}[5m])) / on (job) group_left b unless absent(c offset 5m)')).toEqual([
      'a_bucket',
      'b',
      'c',
    ]);
    expect(() => metricsOf('sum(rate(a[5m])')).toThrow(/^no PromQL/);
  });
});

describe('an alert', () => {
  it.each(alerts)('$alert has a page that says what it means and what to do, and names no host', ({ alert, annotations, labels }) => {
    expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`);
    const page = readFileSync(annotations.runbook_url, 'utf8');
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([alert, 'What it means', 'What customers see', 'First look', 'What to do']);
    expect(['page', 'warn']).toContain(labels.severity);
  });

  it('is there for every page', () => {
    expect(pages.sort()).toEqual(alerts.map(({ alert }) => `${alert}.md`).sort());
  });

  it('stands in docs/observability.md with its page', () => {
    const text = readFileSync('docs/observability.md', 'utf8');
    for (const { alert } of alerts) expect(text).toContain(`[${alert}](runbooks/${alert}.md)`);
  });

  it('is counted in the README, like all others', () => {
    expect(/^\| every alert, .* \| (\d+) rules \|/m.exec(readFileSync('README.md', 'utf8'))?.[1]).toBe(String(alerts.length));
  });

  it('is read by its page under names of metrics that exist', () => {
    const known = new Set(readFileSync('docs/observability.md', 'utf8').match(/\b(truetag|price)_\w+/g));
    for (const page of pages) {
      for (const name of readFileSync(`docs/runbooks/${page}`, 'utf8').match(/\b(truetag|price)_\w+/g) ?? [])
        expect(known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, '')), `${page}: ${name}`).toBe(true);
    }
  });
});

describe('the dashboard', () => {
  it('has panels with ids of their own, each with something to show from the source that is provisioned', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const sources = parse(readFileSync('deploy/grafana/provisioning/datasources/truetag.yml', 'utf8')) as {
      datasources: { uid: string; url: string }[];
    };
    for (const { type, title, datasource, targets } of panels) {
      if (type === 'row') continue;
      expect(
        sources.datasources.map(({ uid }) => uid),
        title,
      ).toContain(datasource?.uid);
      expect(targets?.length, title).toBeGreaterThan(0);
    }
    for (const { url } of sources.datasources) expect(Object.keys(compose.services)).toContain(new URL(url).hostname);
  });
});

describe('the profile observability', () => {
  const watched = Object.entries(compose.services).filter(([, { profiles }]) => profiles?.includes('observability'));

  it('brings Prometheus, Grafana and Tempo, each at one version, and is off unless asked for', () => {
    expect(watched.map(([name]) => name).sort()).toEqual(['grafana', 'prometheus', 'tempo']);
    for (const [name, { image }] of watched) expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
  });

  it('opens its pages to this machine alone', () => {
    for (const port of watched.flatMap(([, { ports = [] }]) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('mounts files that are there', () => {
    const files = watched
      .flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
      .filter((path) => path.startsWith('./'));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(existsSync(file), file).toBe(true);
  });

  it('scrapes every instance at the port that it tells its metrics on', () => {
    const { scrape_configs: jobs } = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const instances = Object.keys(compose.services).filter((name) => name.startsWith('api-'));
    const port = compose.services[instances[0] ?? '']?.environment?.METRICS_PORT;
    expect(jobs.flatMap(({ static_configs: configs }) => configs.flatMap(({ targets }) => targets))).toEqual(
      instances.map((name) => `${name}:${port}`),
    );
    expect(jobs.map(({ job_name: name }) => name)).toEqual(['truetag']);
  });
});
