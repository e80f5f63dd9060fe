import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Finding, lint } from './sabotage.js';

/** The table of CONTRIBUTING.md: what a room, or one of the files beside the rooms, may import. */
const table: Record<string, { values: string[]; types?: string[] }> = {
  'server.ts': { values: ['app.ts', 'config.ts'] },
  'app.ts': { values: ['access', 'app', 'cache', 'catalog', 'config.ts', 'db', 'errors.ts', 'importers', 'plugins', 'routes', 'sight'] },
  app: { values: ['access', 'cache', 'catalog', 'config.ts', 'db', 'errors.ts', 'importers', 'plugins', 'routes', 'sight'] },
  'config.ts': { values: ['config'] },
  config: { values: [] },
  'errors.ts': { values: [] },
  routes: { values: ['access', 'catalog', 'errors.ts'] },
  access: { values: ['errors.ts'] },
  catalog: { values: ['errors.ts'], types: ['cache'] },
  cache: { values: [] },
  db: { values: ['errors.ts', 'generated'], types: ['access', 'catalog'] },
  importers: { values: ['catalog', 'errors.ts'] },
  plugins: { values: ['errors.ts', 'generated'], types: ['access'] },
  sight: { values: [], types: ['cache'] },
  cli: { values: ['access', 'app.ts', 'cache', 'catalog', 'config.ts', 'db', 'errors.ts', 'importers', 'plugins', 'routes', 'server.ts', 'sight'] },
};
const places = readdirSync('src');

/** In one file per importer, one line for each place and kind of import. */
const linesOf = (importer: string) =>
  places
    .filter((place) => place !== importer)
    .flatMap((place, index) => [
      { place, kind: 'values', text: `import { thing as value${index} } from '${specifier(importer, place)}';` },
      { place, kind: 'types', text: `import type { Thing as Type${index} } from '${specifier(importer, place)}';` },
    ]);

function specifier(importer: string, place: string): string {
  const file = place.endsWith('.ts') ? place.replace('.ts', '.js') : place === 'generated' ? 'generated/prisma/client.js' : `${place}/thing.js`;
  return `${importer.endsWith('.ts') ? './' : '../'}${file}`;
}

const pathOf = (importer: string) => (importer.endsWith('.ts') ? `src/${importer}` : `src/${importer}/thing.ts`);

describe('the walls between the rooms', () => {
  let findings: Finding[] = [];
  beforeAll(() => {
    const importers = [...Object.keys(table), 'attic'];
    findings = lint(
      Object.fromEntries(
        importers.map((importer) => [
          pathOf(importer),
          linesOf(importer)
            .map(({ text }) => text)
            .join('\n'),
        ]),
      ),
    );
  });

  const letThrough = (importer: string) => {
    const stopped = new Set(
      findings.filter(({ path, rule }) => path === pathOf(importer) && rule === 'no-restricted-imports').map(({ line }) => line),
    );
    const through = linesOf(importer).filter((_line, index) => !stopped.has(index + 1));
    const kind = (wanted: string) => through.flatMap((line) => (line.kind === wanted ? [line.place] : [])).sort();
    return { values: kind('values'), types: kind('types') };
  };

  it.each(Object.entries(table))('let %s import what the table says, and nothing else', (importer, { values, types = [] }) => {
    expect(letThrough(importer)).toEqual({ values, types: [...values, ...types].sort() });
  });

  it('stand around a room that the table does not know yet', () => {
    expect(letThrough('attic')).toEqual({ values: [], types: [] });
  });

  it('have a row of the table for every place in src', () => {
    expect(Object.keys(table).sort()).toEqual(places.filter((place) => place !== 'generated').sort());
  });
});

describe('the linter', () => {
  const refused: [path: string, text: string, rule: string][] = [
    ['src/routes/climb.ts', "import { createCache } from '../../src/cache/cache.js';", 'no-restricted-imports'],
    ['src/routes/dot.ts', "import { createCache } from './../cache/cache.js';", 'no-restricted-imports'],
    ['src/routes/detour.ts', "import { createCache } from '../catalog/../cache/cache.js';", 'no-restricted-imports'],
    ['src/routes/dynamic.ts', "export const cache = await import('../cache/cache.js');", 'no-restricted-imports'],
    ['src/routes/passing-on.ts', "export { createCache } from '../cache/cache.js';", 'no-restricted-imports'],
    ['src/routes/pg.ts', "import pg from 'pg';", 'no-restricted-imports'],
    ['src/routes/prisma.ts', "import { PrismaPg } from '@prisma/adapter-pg';", 'no-restricted-imports'],
    ['src/catalog/fastify.ts', "import Fastify from 'fastify';", 'no-restricted-imports'],
    ['src/catalog/plugin.ts', "import plugin from 'fastify-plugin';", 'no-restricted-imports'],
    ['src/catalog/redis.ts', "import { Redis } from 'ioredis';", 'no-restricted-imports'],
    ['src/cache/pg.ts', "import type pg from 'pg';", 'no-restricted-imports'],
    ['src/db/redis.ts', "import { Redis } from 'ioredis';", 'no-restricted-imports'],
    ['src/db/environment.ts', 'export const url = process.env.DATABASE_URL;', 'no-process-env'],
    ['src/db/process.ts', "import { env } from 'node:process';", 'noRestrictedImports'],
    ['src/db/index.ts', "export { migrate } from './migrator.js';", 'noBarrelFile'],
    ['src/db/everything.ts', "export * from './migrator.js';", 'noReExportAll'],
    ['src/db/circle.ts', "import type { a } from './circle.js';\nexport type b = typeof a;", 'no-cycle'],
    ['src/db/anything.ts', "export const x: any = 'a';", 'noExplicitAny'],
    ['src/db/console.ts', "console.log('a');", 'noConsole'],
    ['src/db/unawaited.ts', 'async function save(): Promise<void> {}\nsave();', 'no-floating-promises'],
    ['src/db/camelCase.ts', 'export const x = 1;', 'useFilenamingConvention'],
    ['test/unawaited.test.ts', 'async function save(): Promise<void> {}\nsave();', 'no-floating-promises'],
  ];
  let findings: Finding[] = [];
  beforeAll(() => {
    findings = lint(Object.fromEntries(refused));
  });

  it.each(refused)('refuses %s: %s', (path, _text, rule) => {
    expect(findings.flatMap((finding) => (finding.path === path ? [finding.rule] : []))).toContain(rule);
  });

  it('takes the environment in config.ts', () => {
    expect(lint({ 'src/config.ts': 'export const url = process.env.DATABASE_URL;\n' })).toEqual([]);
  });
});
